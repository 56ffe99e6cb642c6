/*
 * This file and its contents are supplied under the terms of the
 * Common Development and Distribution License ("CDDL"), version 1.0.
 * You may only use this file in accordance with the terms of version
 * 1.0 of the CDDL.
 *
 * A full copy of the text of the CDDL should have accompanied this
 * source.  A copy of the CDDL is also available via the Internet at
 * http://www.illumos.org/license/CDDL.
 */

#ifndef _VSOCKADM_H
#define	_VSOCKADM_H

/*
 * Shared by the files of vsockadm.
 *
 *	vsockadm.c	commands
 *	output.c	records as lines of fields
 *	snoop.c		captures as pcap
 */

#include <stdbool.h>
#include <stddef.h>
#include <libvsock.h>

#define	EXIT_USAGE	2

/* Ends the program with EXIT_FAILURE, after "vsockadm: " and the message. */
extern void die(const char *, ...)
    __attribute__((__noreturn__, __format__(__printf__, 1, 2)));
/* The same with EXIT_USAGE, and the usage of the command. */
extern void usage(const char *, ...)
    __attribute__((__noreturn__, __format__(__printf__, 1, 2)));

/*
 * OUTPUT
 *
 * A command's records are printed as lines of the fields that the user has
 * chosen (-o), in columns with a heading, or with ':' between them (-p).
 */
#define	FIELD_MAX	1024		/* the longest text, with NUL */

typedef enum field_kind {
	FIELD_U32,
	FIELD_U64,
	FIELD_INT,
	FIELD_TEXT,		/* an array of char */
	FIELD_FUNC		/* f_func writes the text */
} field_kind_t;

typedef struct field {
	const char	*f_name;	/* upper case; NULL: end of the table */
	int		f_width;
	field_kind_t	f_kind;
	size_t		f_offset;	/* in the record */
	void		(*f_func)(const void *record, char *);
} field_t;

typedef struct output output_t;

/*
 * `names' is the argument of -o: names with commas between, or "all"; NULL:
 * those in `defaults'.  Ends with usage() if that is not possible.
 */
extern output_t *output_create(const field_t *, const char *names,
    const char *defaults, bool parseable);
extern void output_line(output_t *, const void *record);
/* Ends the program if something could not be written. */
extern void output_end(output_t *);

/* Write packets until a signal, or so many (0: any number): exit status. */
extern int snoop(vsock_handle_t *, const char *path, unsigned long count,
    uint32_t bufsize, uint32_t snaplen);

#endif	/* _VSOCKADM_H */

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

/*
 * Records as lines of fields: see vsockadm.h.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "vsockadm.h"

#define	OUTPUT_MAX	32		/* fields in a line */

struct output {
	const field_t	*o_field[OUTPUT_MAX];
	unsigned	o_n;
	bool		o_parseable;
	bool		o_heading;	/* has been printed */
};

static const field_t *
output_find(const field_t *fields, const char *name, size_t len)
{
	for (; fields->f_name != NULL; fields++) {
		if (strlen(fields->f_name) == len &&
		    strncasecmp(fields->f_name, name, len) == 0)
			return (fields);
	}
	return (NULL);
}

static void
output_add(output_t *o, const field_t *f)
{
	if (o->o_n == OUTPUT_MAX)
		usage("too many fields");
	o->o_field[o->o_n++] = f;
}

output_t *
output_create(const field_t *fields, const char *names, const char *defaults,
    bool parseable)
{
	const field_t *f;
	output_t *o;
	size_t len;

	if (parseable && names == NULL)
		usage("option -p requires -o");
	if (parseable && strcasecmp(names, "all") == 0)
		usage("\"-o all\" is not to be combined with -p");
	if ((o = calloc(1, sizeof (*o))) == NULL)
		die("%s", strerror(errno));
	o->o_parseable = parseable;
	if (names != NULL && strcasecmp(names, "all") == 0) {
		for (f = fields; f->f_name != NULL; f++)
			output_add(o, f);
		return (o);
	}
	if (names == NULL)
		names = defaults;
	for (;;) {
		len = strcspn(names, ",");
		if ((f = output_find(fields, names, len)) == NULL)
			usage("unknown field \"%.*s\"", (int)len, names);
		output_add(o, f);
		if (names[len] == '\0')
			return (o);
		names += len + 1;
	}
}

static void
output_text(const field_t *f, const void *record, char *buf)
{
	const void *p = (const char *)record + f->f_offset;

	switch (f->f_kind) {
	case FIELD_U32:
		(void) snprintf(buf, FIELD_MAX, "%u", *(const uint32_t *)p);
		break;
	case FIELD_U64:
		(void) snprintf(buf, FIELD_MAX, "%llu",
		    (unsigned long long)*(const uint64_t *)p);
		break;
	case FIELD_INT:
		(void) snprintf(buf, FIELD_MAX, "%d", *(const int *)p);
		break;
	case FIELD_TEXT:
		(void) snprintf(buf, FIELD_MAX, "%s", (const char *)p);
		break;
	case FIELD_FUNC:
		f->f_func(record, buf);
		break;
	}
}

/* A field of a line that is to be taken apart again. */
static void
output_escaped(const output_t *o, const char *s)
{
	for (; *s != '\0'; s++) {
		if (o->o_n > 1 && (*s == ':' || *s == '\\'))
			(void) putchar('\\');
		(void) putchar(*s);
	}
}

/* The last column is as long as it is. */
static void
output_column(const output_t *o, unsigned i, const char *s)
{
	if (i + 1 == o->o_n)
		(void) printf("%s", s);
	else
		(void) printf("%-*s ", o->o_field[i]->f_width, s);
}

static void
output_heading(output_t *o)
{
	if (o->o_parseable || o->o_heading)
		return;
	o->o_heading = true;
	for (unsigned i = 0; i < o->o_n; i++)
		output_column(o, i, o->o_field[i]->f_name);
	(void) putchar('\n');
}

void
output_line(output_t *o, const void *record)
{
	char text[FIELD_MAX];

	output_heading(o);
	for (unsigned i = 0; i < o->o_n; i++) {
		output_text(o->o_field[i], record, text);
		if (o->o_parseable) {
			if (i != 0)
				(void) putchar(':');
			output_escaped(o, text);
		} else {
			output_column(o, i, text[0] != '\0' ? text : "--");
		}
	}
	(void) putchar('\n');
}

void
output_end(output_t *o)
{
	output_heading(o);
	free(o);
	if (fflush(stdout) != 0 || ferror(stdout))
		die("standard output: %s", strerror(errno));
}

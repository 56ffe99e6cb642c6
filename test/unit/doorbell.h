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


#ifndef _DOORBELL_H
#define	_DOORBELL_H

/*
 * What tests of lines (fk_line_add()) need of the host: eventfds.  Plain C
 * types: for kernel code and for the host.
 */

extern int doorbell_create(void);	/* a descriptor; never fails */
extern void doorbell_ring(int);
extern void doorbell_destroy(int);

#endif	/* _DOORBELL_H */

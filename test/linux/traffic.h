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

#ifndef _TRAFFIC_H
#define	_TRAFFIC_H

/*
 * The traffic engine: makes AF_VSOCK connections and moves data over them, as
 * told by lines of text.  The same engine is the agent of a Linux machine
 * (agent.c) and the peer on this one (peer.c); see traffic.c for the commands.
 */

#ifdef	__cplusplus
extern "C" {
#endif

/*
 * Says "ready" on outfd, then reads commands from infd and writes replies to
 * outfd until infd ends or the command "exit" comes.  The two may be the same
 * file.
 */
extern void traffic_serve(int infd, int outfd);

#ifdef	__cplusplus
}
#endif

#endif	/* _TRAFFIC_H */

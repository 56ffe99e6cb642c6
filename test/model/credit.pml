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
 * One direction of a stream: an application that writes, until it has had
 * enough or for ever, one that reads for ever, and between them sockfs, the
 * front end and the virtio backend of both systems.  doc/model.md says which
 * function each step is.
 *
 *	writer -> [s_q] -> s_tx -> (to_r) -> r_rx -> [r_rxq] -> [so_q] -> reader
 *			   s_rx <- (to_s) <- r_tx
 *
 * A step is atomic if it takes, beside the lock of the connection that it may
 * hold, one other: anything may happen before and after.  (Taking a lock can as
 * well be done later, letting it go earlier, and nobody else sees what is done
 * under it.)  Counters are modulo MOD.  There are no timers: what is shown here
 * needs none.
 *
 * Properties
 *	no data beyond the credit, and no counter passes another: asserted where
 *	    packets are received
 *	no lost wake-up, no deadlock: the model comes to rest only when the
 *	    writer is through and the reader has got everything
 *	no idle talk: there is no cycle without "progress", as long as everybody
 *	    runs (weak fairness)
 *
 * Parameters
 *	BUF		receive buffer
 *	STEP		what may be consumed and not yet be told
 *	SNDBUF		of the sender
 *	MAXPKT		largest packet
 *	SMALL, LIMIT	packets below SMALL are small, LIMIT may be under way
 *	RXLIMIT		small messages in sockfs, before they are gathered
 *	GATHER		bytes that are gathered at most
 *	RECORDS		the receiver looks again after every delivery, as for
 *			records
 *	WANT		the reader waits until so much is there
 *	GROW		the receive buffer may become one larger
 *	CAP		the sender has no more under way than that, its own
 *			buffer, and has told so
 *
 * Defects, each of which must be found
 *	BUG_WINDOW	the sender forgets what is under way
 *	BUG_EDGE	the receiver takes back what it had advertised
 *	BUG_LEVEL	sockfs's high-water mark is the whole buffer
 *	BUG_STALE	the room that su_recv() has returned is believed
 *	BUG_TXRACE	a writer is stopped without another look
 *	BUG_ASK		a small packet waits, and the peer is not asked
 *	BUG_STARVED	a CREDIT_REQUEST is answered, but nobody looks on
 *	BUG_HOLD	what is gathered waits, and sockfs was not armed
 *	BUG_GROW	the backend forgets that the buffer has grown
 *	BUG_CAP		what the sender has told of its own buffer is ignored
 *	BUG_TALK	whatever the answer to a CREDIT_REQUEST, it is repeated
 */

#ifndef BUF
#define	BUF	3
#endif
#ifndef STEP
#define	STEP	1
#endif
#ifndef SNDBUF
#define	SNDBUF	2
#endif
#ifndef MAXPKT
#define	MAXPKT	2
#endif
#ifndef SMALL
#define	SMALL	0
#endif
#ifndef LIMIT
#define	LIMIT	1
#endif
#ifndef RXLIMIT
#define	RXLIMIT	255
#endif
#ifndef GATHER
#define	GATHER	2
#endif
#ifndef WANT
#define	WANT	1
#endif
#ifndef MOD
#define	MOD	8
#endif

#ifndef CAP
#define	CAP	255
#endif

/* vc_rxleast: see vsock_conn_levels() */
#ifdef BUG_CAP
#define	LEAST	STEP
#else
#define	LEAST	(STEP < CAP -> STEP : CAP)
#endif

/* Where the receive buffer is known: one that stays as it is needs no state. */
#ifdef GROW
byte r_buf = BUF;			/* vc_rcvbuf, under vc_lock */
byte r_alloc = BUF;			/* tc_buf_alloc, under vv_lock */
byte s_peer_buf = BUF;			/* tc_peer_buf, under vv_lock */
#else
#define	r_buf		BUF
#define	r_alloc		BUF
#define	s_peer_buf	BUF
#endif

#ifdef RECORDS
#define	HIWAT	255
#elif defined(BUG_LEVEL)
#define	HIWAT	BUF
#else
#define	HIWAT	(r_buf - STEP)
#endif

#define	SUB(a, b)	(((a) + MOD - (b)) % MOD)
#define	ADD(a, b)	(((a) + (b)) % MOD)
#define	MIN(a, b)	((a) < (b) -> (a) : (b))
#define	NEGATIVE(a)	((a) >= MOD / 2)

mtype = { RW, CREDIT_REQUEST };
mtype = { NONE, SENT, ANSWERED };		/* vio_ask_t */
mtype = { IDLE, DATA, STARVED, READ, LOOK, GIVE, GIVEN, REPORT, CONSUMED,
    TELLBUF, RELOCK };

chan to_r = [1] of { mtype, byte };
chan to_s = [1] of { byte, byte };

bool stopped;				/* the writer is through */

/* The sender's backend, under vv_lock. */
byte s_q;				/* tc_qbytes */
byte s_tx_cnt, s_peer_fwd;
byte s_nsmall, s_small_end;		/* tc_tx_small, if it has one run */
bool s_full;				/* tc_full */
bool s_pend_ask;			/* VIO_P_ASK */
mtype s_ask = NONE;			/* tc_ask */

/* The sender's front end, and sockfs. */
bool s_lock;				/* vc_lock */
bool s_txfull;				/* VCF_TXFULL */
bool so_txfull;				/* su_txq_full() */

/* The receiver's backend, under vv_lock. */
byte r_rx_cnt, r_fwd_cnt;
byte r_edge = BUF;			/* the RESPONSE has told */
bool r_pend_update;			/* VIO_P_UPDATE */

/* The receiver's front end, under vc_lock. */
bool r_lock;
byte r_rxq;				/* vc_rxlen */
byte r_rxmsgs;
byte r_unseen;				/* vc_delivered - vc_consumed */
bool r_busy, r_hold, r_check;		/* VCF_RXBUSY, _RXHOLD, _RXCHECK */

/* The receiver's sockfs, under so_lock. */
byte so_q;
bool so_armed;

#define	INFLIGHT	SUB(s_tx_cnt, s_peer_fwd)
#ifdef BUG_WINDOW
#define	CREDIT		BUF
#else
#define	WINDOW		MIN(s_peer_buf, CAP)
#define	CREDIT		(INFLIGHT >= WINDOW -> 0 : WINDOW - INFLIGHT)
#endif
#define	PACKET		MIN(MIN(s_q, MAXPKT), CREDIT)
#define	IS_SMALL	(PACKET > 0 && PACKET < SMALL)
#define	READY		(PACKET > 0 && !(IS_SMALL && s_nsmall >= LIMIT))

/* vio_sched(): `writable' is vt_writable. */
inline s_sched(writable)
{
	if
	:: s_q != 0 && !READY ->
		if
#ifndef BUG_ASK
		:: s_ask == NONE && IS_SMALL ->
			s_ask = SENT;
			s_pend_ask = true
#endif
		:: else
		fi
	:: else ->
		s_ask = NONE;
		s_pend_ask = false
	fi;
	if
	:: s_full && s_q < (SNDBUF + 1) / 2 && s_q < CREDIT ->
		s_full = false;
		writable = true
	:: else ->
		writable = false
	fi
}

/* vsock_up_writable() */
inline s_up_writable(writable)
{
	if
	:: writable ->
		atomic {
			!s_lock ->
			if
			:: s_txfull -> s_txfull = false; so_txfull = false
			:: else
			fi;
			writable = false
		}
	:: else
	fi
}

active proctype writer()
{
	bool writable, more;

end:	do
	:: !so_txfull -> stopped = true; break
	:: atomic {
		/* vsock_sd_send(), vio_op_send() */
		!so_txfull ->
		if
		:: s_q = s_q + 1
		:: s_q = s_q + 2
		fi;
		more = true;
		if
		:: s_q >= SNDBUF || s_q > CREDIT -> s_full = true; more = false
		:: else
		fi;
		if
		:: s_ask == ANSWERED -> s_ask = NONE
		:: else
		fi;
		s_sched(writable)
	   };
	   s_up_writable(writable);
	   if
	   :: more
	   :: !more ->
		/* vsock_conn_tx_check(), vio_op_tx_ready() */
		atomic {
			!s_lock ->
			s_lock = true;
#ifndef BUG_TXRACE
			if
			:: s_q >= SNDBUF || s_q >= CREDIT -> s_full = true
			:: else
			fi;
			more = !s_full
#endif
		};
		atomic {
			if
			:: more
			:: !more -> s_txfull = true; so_txfull = true
			fi;
			more = false;
			s_lock = false
		}
	   fi
	od
}

/* The thread that fills the ring: vsock_vio_tx_next(). */
active proctype s_tx()
{
	bool writable;
	byte n;

end:	do
	:: atomic {
		(READY || s_pend_ask) && nfull(to_r) ->
		if
		:: READY ->
			n = PACKET;
			s_q = s_q - n;
			s_tx_cnt = ADD(s_tx_cnt, n);
			if
			:: n < SMALL -> s_nsmall++; s_small_end = s_tx_cnt
			:: else
			fi;
			to_r ! RW(n);
			n = 0
		:: else ->
			s_pend_ask = false;
			to_r ! CREDIT_REQUEST(0)
		fi;
		s_sched(writable)
	   };
	   s_up_writable(writable)
	od
}

/* The thread that empties the other ring: vsock_vio_rx(). */
active proctype s_rx()
{
	bool writable;
	byte fwd, alloc, consumed;

end:	do
	:: atomic {
		/* vio_rx_credit() */
		to_s ? fwd, alloc;
#ifdef GROW
		s_peer_buf = alloc;
#endif
		alloc = 0;
		consumed = SUB(fwd, s_peer_fwd);
		assert(!NEGATIVE(consumed));
		assert(!NEGATIVE(SUB(s_tx_cnt, fwd)));
		s_peer_fwd = fwd;
		if
		:: s_nsmall != 0 && !NEGATIVE(SUB(fwd, s_small_end)) ->
			s_nsmall = 0;
			s_small_end = 0
		:: else
		fi;
		if
		:: s_ask == NONE || s_pend_ask
#ifdef BUG_TALK
		:: else -> s_ask = NONE
#else
		:: else -> s_ask = (consumed != 0 -> NONE : ANSWERED)
#endif
		fi;
		fwd = 0;
		consumed = 0;
		s_sched(writable)
	   };
	   s_up_writable(writable)
	od
}

/* vsock_rx_run() begins: with r_lock. */
inline r_run()
{
	if
	:: r_busy -> r_lock = false; pc = IDLE
	:: else -> r_busy = true; pc = LOOK
	fi
}

/* vsock_rx_report() begins; it will go on with what `then' says. */
inline r_report(bytes, then)
{
	least = bytes;
	ret = then;
	pc = REPORT
}

/* vsock_rx_arm(): `nonempty' is what it returns. */
inline r_arm(nonempty)
{
	nonempty = (so_q != 0);
	so_armed = so_armed || nonempty
}

/*
 * What both threads of the receiver do: one that brings data, and the reader
 * when sockfs has it call sd_clr_flowctrl().
 */
#define	RECEPTION \
	:: atomic { \
		/* vsock_rx_give() */ \
		pc == LOOK && r_rxq != 0 && !(r_rxq < GATHER && \
		    (r_hold || r_rxmsgs >= RXLIMIT)) -> \
		r_hold = false; \
		n = r_rxq; \
		r_rxq = 0; \
		r_lock = false; \
		pc = GIVE \
	   } \
	:: atomic { \
		/* su_recv() */ \
		pc == GIVE -> \
		so_q = so_q + n; \
		room = (so_q < HIWAT); \
		so_armed = so_armed || !room; \
		pc = GIVEN \
	   } \
	:: atomic { \
		pc == GIVEN && !r_lock -> \
		r_lock = true; \
		r_unseen = r_unseen + n; \
		if \
		:: RXLIMIT != 255 && n < 2 -> r_rxmsgs++ \
		:: else \
		fi; \
		n = 0; \
		AFTER_GIVE; \
		room = false \
	   } \
	:: atomic { \
		/* vsock_rx_hold() */ \
		pc == LOOK && r_rxq != 0 && r_rxq < GATHER && !r_hold && \
		    r_rxmsgs >= RXLIMIT -> \
		HOLD_ARM(room); \
		if \
		:: room -> r_hold = true \
		:: else -> r_rxmsgs = 0 \
		fi; \
		room = false \
	   } \
	:: atomic { \
		/* vsock_rx_check() */ \
		pc == LOOK && r_check && (r_rxq == 0 || \
		    r_rxq < GATHER && r_hold) -> \
		r_check = false; \
		r_arm(room); \
		if \
		:: !room && r_hold -> r_hold = false; r_check = true \
		:: else \
		fi; \
		room = false; \
		r_report(1, LOOK) \
	   } \
	:: atomic { \
		/* the end of vsock_rx_run() */ \
		pc == LOOK && !r_check && (r_rxq == 0 || \
		    r_rxq < GATHER && r_hold) -> \
		r_busy = false; \
		r_lock = false; \
		pc = IDLE \
	   } \
	:: atomic { \
		/* vsock_rx_report() */ \
		pc == REPORT -> \
		pc = ret; \
		if \
		:: r_unseen >= least && so_q >= HIWAT -> so_armed = true \
		:: r_unseen >= least && so_q < HIWAT -> \
			r_rxmsgs = MIN(r_rxmsgs, so_q); \
			if \
			:: r_unseen >= so_q + least -> \
				q = r_unseen - so_q; \
				r_unseen = so_q; \
				RX_GROW; \
				r_lock = false; \
				pc = CONSUMED \
			:: else \
			fi \
		:: else \
		fi; \
		if \
		:: pc != CONSUMED -> ret = IDLE \
		:: else \
		fi; \
		least = 0 \
	   } \
	:: atomic { \
		/* vio_op_consumed() */ \
		pc == CONSUMED -> \
		assert(q <= SUB(r_rx_cnt, r_fwd_cnt)); \
		r_fwd_cnt = ADD(r_fwd_cnt, q); \
		r_pend_update = true; \
		q = 0; \
		pc = (r_buf != r_alloc -> TELLBUF : RELOCK) \
	   } \
	:: atomic { \
		/* vsock_conn_tellbuf(), vio_op_rcvbuf() */ \
		pc == TELLBUF && !r_lock -> \
		SET_ALLOC; \
		pc = RELOCK \
	   } \
	:: atomic { \
		pc == RELOCK && !r_lock -> \
		r_lock = true; \
		pc = ret; \
		ret = IDLE \
	   }

/* vsock_rx_grow() */
#ifdef GROW
#define	RX_GROW \
		if \
		:: r_buf == BUF -> r_buf = BUF + 1 \
		:: true \
		fi
#define	SET_ALLOC	r_alloc = r_buf; r_pend_update = true
#else
#define	RX_GROW		skip
#define	SET_ALLOC	skip
#endif

#ifdef BUG_HOLD
#define	HOLD_ARM(room)	room = (so_q != 0)
#else
#define	HOLD_ARM(room)	r_arm(room)
#endif

#if defined(RECORDS)
#define	AFTER_GIVE	r_check = true; pc = LOOK
#elif defined(BUG_STALE)
#define	AFTER_GIVE \
		if \
		:: room -> r_report(LEAST, LOOK) \
		:: else -> pc = LOOK \
		fi
#else
#define	AFTER_GIVE	r_report(LEAST, LOOK)
#endif

active proctype r_rx()
{
	mtype op, pc = IDLE, ret = IDLE;
	byte n, q, least;
	bool room;

end:	do
	:: atomic {
		pc == IDLE && nempty(to_r) ->
		to_r ? op(n);
		if
		:: op == RW ->
			/* vio_rx_data() */
			assert(n <= SUB(r_edge, r_rx_cnt));
			r_rx_cnt = ADD(r_rx_cnt, n);
			pc = DATA
		:: else ->
			/* vio_rx_open() */
			r_pend_update = true;
#ifndef BUG_STARVED
			pc = STARVED
#endif
		fi;
		op = 0
	   }
	:: atomic {
		/* vsock_up_data() */
		pc == DATA && !r_lock ->
		r_lock = true;
		r_rxq = r_rxq + n;
		n = 0;
		r_run()
	   }
	:: atomic {
		/* vsock_up_starved() */
		pc == STARVED && !r_lock ->
		r_lock = true;
		r_check = true;
		r_run()
	   }
	RECEPTION
	od
}

/* The thread that fills the other ring: vio_hdr_conn(). */
active proctype r_tx()
{
end:	do
	:: atomic {
		r_pend_update && nfull(to_s) ->
		r_pend_update = false;
		to_s ! r_fwd_cnt, r_alloc;
#if defined(BUG_EDGE)
		r_edge = ADD(r_fwd_cnt, BUF - 1)
#elif defined(BUG_GROW)
		r_edge = ADD(r_fwd_cnt, BUF)
#else
		r_edge = ADD(r_fwd_cnt, r_alloc)
#endif
	   }
	od
}

active proctype reader()
{
	mtype pc = IDLE, ret = IDLE;
	byte n, q, least;
	bool room;

end:	do
	:: pc == IDLE && so_q >= WANT ->
progress:	atomic {
		if
		:: so_q = 0
		:: so_q = so_q - 1
		fi;
		if
		:: so_armed && so_q < HIWAT -> so_armed = false; pc = READ
		:: else
		fi
	   }
	:: atomic {
		/* vsock_conn_read() */
		pc == READ && !r_lock ->
		r_lock = true;
		r_hold = false;
#ifdef RECORDS
		r_check = true;
#endif
		r_report(1, DATA)
	   }
	:: atomic {
		pc == DATA ->
		r_run()
	   }
	RECEPTION
	od
}

/* Nothing more can happen. */
active proctype rest()
{
	timeout ->
	assert(stopped && s_q == 0 && r_rxq == 0 && so_q == 0)
}

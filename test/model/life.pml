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
 * The life of a connection: two systems, an application, front end and virtio
 * backend on each.  doc/model.md says which function each step is.
 *
 * System 0 connects.  System 1 listens, or with BOTH connects as well, to and
 * from the same ports.  Whoever has a connection may write once, shut what he
 * likes, and closes it, at any time.  A step is what is done under one lock.
 *
 * Properties
 *	every connection terminates on both sides: the model comes to rest only
 *	    when nothing is left of any on either, and it does so always (there
 *	    is no cycle)
 *	it does so without the help of timers; with MUTE, where system 1 may
 *	    fall silent at any time, with that of timers
 *	neither takes the other for one that breaks the protocol, unless both
 *	    connect at a time: asserted
 *
 * Defects, each of which must be found
 *	BUG_NOACK	SHUTDOWN of both halves is not acknowledged
 *	BUG_ORPHAN	an RST is lost when the socket goes before it was sent
 *	BUG_NOANSWER	a packet for nobody is not answered
 *	BUG_RSTRST	an RST for nobody is answered
 *	BUG_EARLY	what is said before the acceptance is not held back
 *	BUG_TIMER	a closed socket has no timer
 */

#ifndef RING
#define	RING	1
#endif

#define	RECV	1			/* VSOCK_SHUT_* */
#define	SEND	2

mtype = { REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE };
mtype = { NONE, EMBRYO, CONNECTING, OPEN, CLOSING, ENDED };

chan ring[2] = [RING] of { mtype, byte };	/* from that system */

typedef system_t {
	/* The socket, under vc_lock; its place in the table. */
	mtype state = NONE;
	bool listening;
	bool accepted;			/* sockfs has it, for accept() */
	bool nosend;			/* VCF_LOCAL_SEND, VCF_PEER_RECV */
	bool closed;			/* VCF_CLOSED */
	bool listed;			/* VCF_IN_CONNS */
	bool known;			/* vc_tc is set */
	byte holds;			/* vc_tcholds */

	/* The backend, under vv_lock; tc is NONE if there is none. */
	mtype tc = NONE;
	bool held;			/* tc_held_back */
	bool request, response, rst, update;	/* tc_pend */
	byte shut, sent, peershut;	/* tc_shut, tc_shut_sent, tc_peer_shut */
	bool data;			/* tc_qbytes */
	bool credit = 1;
	bool orphan;			/* a tc without conn, for its RST */
	bool answer;			/* vv_rst */

	bool done;			/* the application */
	bool mute;
}
system_t s[2];

#define	I		s[i]
#define	GONE(x)		(!x.listed && x.tc == NONE && x.holds == 0 && x.done)

/* vio_close() */
inline v_close(withrst)
{
	I.tc = ENDED;
	I.data = false;
	I.request = false;
	I.response = false;
	I.update = false;
	I.rst = withrst
}

/* vsock_conn_rele(): with the last hold, vio_op_release(). */
inline v_rele()
{
	atomic {
		I.holds--;
		if
		:: I.holds == 0 ->
#ifndef BUG_ORPHAN
			I.orphan = I.orphan || I.rst;
#endif
			v_close(false);
			I.tc = NONE;
			I.known = false;
			I.shut = 0;
			I.sent = 0;
			I.peershut = 0
		:: else
		fi
	}
}

/* vsock_conn_end() */
inline v_end(tellpeer)
{
	atomic {
		if
		:: I.state == EMBRYO || I.state == CONNECTING ||
		    I.state == OPEN || I.state == CLOSING ->
			I.state = ENDED;
			I.listed = false;
			ended = true
		:: else
		fi
	};
	if
	:: ended ->
		if
		:: tellpeer ->
			/* vio_op_reset(): who was never asked need not know */
			atomic {
				if
				:: I.known && I.tc != ENDED && I.tc != NONE ->
					v_close(!I.request)
				:: else
				fi
			}
		:: else
		fi;
		v_rele();
		ended = false
	:: else
	fi
}

/* vsock_conn_close() */
inline v_sockclose()
{
	atomic {
		I.closed = true;
		if
		:: I.state == OPEN ->
			I.state = CLOSING;
			I.holds++;
			what = OPEN
		:: else ->
			what = I.state
		fi
	};
	if
	:: what == OPEN ->
		/* vio_op_shutdown() */
		I.shut = RECV | SEND;
		v_rele()
	:: what == CONNECTING ->
		v_end(true)
	:: else
	fi;
	what = 0
}

/* What an application does with a connection, before it closes it. */
inline v_use()
{
	do
#ifdef WRITE
	:: atomic {
		/* vio_op_send() */
		I.state == OPEN && !I.nosend && !wrote && I.tc == OPEN &&
		    !(I.shut & SEND) && !(I.peershut & RECV) ->
		I.data = true;
		wrote = true
	   }
#endif
#ifdef SHUT
	:: atomic {
		/* vsock_conn_shutdown() */
		I.state == OPEN && !shut ->
		shut = true;
		I.holds++;
		if
		:: how = RECV
		:: how = SEND; I.nosend = true
		:: how = RECV | SEND; I.nosend = true
		fi
	   };
	   atomic { I.shut = I.shut | how; how = 0 };
	   v_rele()
#endif
	:: true -> break
	od;
	v_sockclose()
}

proctype application(byte i)
{
	bool wrote, shut, ended;
	byte how;
	mtype what;

	if
#ifndef BOTH
	:: i == 1 ->
		I.listening = true;
		/* accept(), or close with what is in the queue */
		if
		:: I.accepted
		:: true
		fi;
		I.listening = false;
		if
		:: I.accepted -> v_use()
		:: else
		fi
	:: i == 0 ->
#else
	:: true ->
#endif
		/* vsock_conn_connect() */
		atomic {
			I.state = CONNECTING;
			I.listed = true;
			I.holds = 2
		};
		/* vio_op_connect() */
		atomic {
			I.tc = CONNECTING;
			I.known = true;
			I.request = true
		};
		v_rele();
		/* Some wait for what becomes of it. */
		if
		:: true -> I.state != CONNECTING
		:: true
		fi;
		v_use()
	fi;
	wrote = false;
	shut = false;
	I.done = true
}

/* vsock_vio_tx_next() */
proctype tx(byte i)
{
end:	do
	:: atomic {
		/* an orphan, or vio_build_rst() */
		nfull(ring[i]) && !I.mute && (I.orphan || I.answer) ->
		if
		:: I.orphan -> I.orphan = false
		:: I.answer -> I.answer = false
		fi;
		ring[i] ! RST(0)
	   }
	:: atomic {
		/* vio_build() */
		nfull(ring[i]) && !I.mute && I.tc != NONE && !I.held && (I.rst ||
		    I.request || I.response || I.tc == OPEN && (I.update ||
		    I.data && I.credit || (I.shut & ~I.sent) != 0 &&
		    !((I.shut & ~I.sent & SEND) && I.data))) ->
		if
		:: I.rst -> I.rst = false; ring[i] ! RST(0)
		:: else ->
			if
			:: I.request -> I.request = false; ring[i] ! REQUEST(0)
			:: else ->
				if
				:: I.response ->
					I.response = false;
					ring[i] ! RESPONSE(0)
				:: !I.response && (I.shut & ~I.sent) != 0 &&
				    !((I.shut & ~I.sent & SEND) && I.data) ->
					I.sent = I.shut;
					ring[i] ! SHUTDOWN(I.shut)
				:: !I.response && I.data && I.credit ->
					I.data = false;
					I.credit = false;
					ring[i] ! RW(0)
				:: !I.response && I.update &&
				    !(I.data && I.credit) ->
					I.update = false;
					ring[i] ! CREDIT_UPDATE(0)
				fi
			fi
		fi
	   }
	od
}

/* vio_answer_rst() */
#ifdef BUG_NOANSWER
#define	ANSWER		skip
#else
#define	ANSWER		I.answer = true
#endif

/* vsock_vio_rx() */
proctype rx(byte i)
{
	mtype op, get;
	byte flags;
	bool found, established, reset, request, refuse, shutrecv, ended;
	bool data;

end:	do
#ifdef MUTE
	:: i == 1 && !I.mute -> I.mute = true
#endif
	:: atomic {
		/* vsock_conn_lookup() */
		nempty(ring[1 - i]) && !I.mute ->
		ring[1 - i] ? op(flags);
		if
		:: I.listed && I.known && I.holds > 0 ->
			I.holds++;
			found = true
		:: else
		fi
	   };
	   atomic {
		if
		:: found && I.tc == CONNECTING ->
			/* vio_rx_connecting() */
			if
			:: I.request	/* it means one before this */
			:: !I.request && op == RESPONSE ->
				I.tc = OPEN;
				established = true
			:: !I.request && op == RST ->
				v_close(false);
				reset = true
			:: else ->
#ifndef BOTH
				assert(false);
#endif
				v_close(true);
				reset = true
			fi
		:: found && I.tc == OPEN ->
			/* vio_rx_open() */
			if
			:: op == RST ->
				v_close(false);
				reset = true
			:: op == SHUTDOWN ->
				I.peershut = I.peershut | flags;
				if
				:: I.peershut & RECV ->
					I.data = false;
					shutrecv = true
				:: else
				fi;
				if
				:: I.peershut == (RECV | SEND) ->
#ifdef BUG_NOACK
					v_close(false);
#else
					v_close(true);
#endif
					reset = true
				:: else
				fi
			:: op == RW && !(I.peershut & SEND) ->
				/* vio_rx_data() */
				if
				:: I.shut & RECV -> I.update = true
				:: else -> data = true
				fi
			:: op == CREDIT_UPDATE ->
				I.credit = true
			:: else
			fi
		:: else ->
			if
#ifdef BUG_RSTRST
			:: op == RST -> ANSWER
#else
			:: op == RST
#endif
			:: op == REQUEST -> request = true
			:: else -> ANSWER
			fi
		fi;
		op = 0;
		flags = 0
	   };
	   /* vio_finish() */
	   atomic {
		if
		:: established ->
			if
			:: I.state == CONNECTING -> I.state = OPEN
			:: else -> assert(I.state == ENDED)
			fi;
			established = false
		:: else
		fi
	   };
	   if
	   :: data ->
		/* He reads it at once, or will not any more: vto_consumed(). */
		atomic {
			data = false;
			if
			:: I.tc == OPEN && !(I.peershut & SEND) ->
				I.update = true
			:: else
			fi
		}
	   :: else
	   fi;
	   atomic {
		if
		:: shutrecv ->
			shutrecv = false;
			if
			:: I.state == OPEN -> I.nosend = true
			:: else
			fi
		:: else
		fi
	   };
	   if
	   :: reset -> reset = false; v_end(false)
	   :: else
	   fi;
	   if
	   :: found -> found = false; v_rele()
	   :: else
	   fi;
	   if
	   :: request ->
		request = false;
		atomic {
			/* vsock_up_request() */
			if
			:: I.listening && !I.listed && I.state == NONE ->
				I.state = EMBRYO;
				I.listed = true;
				I.holds = 2
			:: else ->
				ANSWER;
				refuse = true
			fi
		};
		if
		:: !refuse ->
			/* vio_rx_request(), vsock_up_accept() */
			atomic {
				I.tc = OPEN;
#ifndef BUG_EARLY
				I.held = true;
#endif
				I.known = true;
				I.state = OPEN
			};
			/* vsock_conn_newconn() */
			atomic {
				if
				:: I.listening -> I.accepted = true
				:: else ->
					I.state = ENDED;
					I.listed = false;
					I.holds = 0;
					I.known = false;
					I.tc = NONE;
					I.held = false;
					refuse = true;
					ANSWER
				fi
			};
			if
			:: !refuse ->
				atomic {
					if
					:: I.tc == OPEN -> I.response = true
					:: else
					fi;
					I.held = false
				};
				v_rele()
			:: else
			fi
		:: else
		fi;
		refuse = false
	   :: else
	   fi
	od
}

#ifdef MUTE
/* vsock_timer_task(), if there is nothing else that could end it */
proctype timer(byte i)
{
	bool ended;

end:	do
	:: I.state == CONNECTING -> v_end(true)
#ifndef BUG_TIMER
	:: I.state == CLOSING -> v_end(true)
#endif
	od
}
#endif

active proctype rest()
{
	timeout ->
#ifdef MUTE
	/* What is left of the one that fell silent doesn't matter. */
	assert(GONE(s[0]));
	assert(s[1].mute || GONE(s[1]))
#else
	assert(GONE(s[0]) && GONE(s[1]));
	assert(!s[0].orphan && !s[1].orphan && !s[0].answer && !s[1].answer);
	assert(empty(ring[0]) && empty(ring[1]))
#endif
}

init
{
	atomic {
		run application(0);
		run application(1);
		run tx(0);
		run tx(1);
		run rx(0);
		run rx(1);
#ifdef MUTE
		run timer(0)
#endif
	}
}

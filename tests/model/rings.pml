/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A per-CPU buffer of bufflink, for Spin: two rings with a client each, the pass
 * that merges them, losses, and wakeups. Names are those of bufflink.c; B3, B6, B7
 * and B9 are barriers that its comments tell of. bufflink.pml has how the bytes
 * of a record come into a ring and out of it, wakeups.pml has all kinds of waiters,
 * and resize.pml the steps of a resize: here a record is one unit, written and
 * published in one step. A step is one look at, or change of, a variable that others
 * change; a barrier is the order of two steps; each #ifdef is a mistake.
 *
 * Spin looks for a break of these:
 *
 *   Each record is read once, and those of a ring in their order. A record whose
 *   append returned before another was called comes first.
 *   Each loss is reported once, at a place where the records around it in its ring
 *   are around it in the stream.
 *   When nothing moves any more, nobody sleeps while a record waits; with a
 *   watcher, no loss is unreported if all is read; drained memory is freed.
 *
 * check.sh defines the processes: two clients append APPENDS records each to a ring
 * for SIZE; MISSES of an NMI find the lock of the first ring taken; READERS wait in
 * read(), which asks for WANT records; EDGES read without waiting, until they get
 * -EAGAIN, for each edge of epoll; SIGNALS read once a SIGIO; LOSS_EDGES and
 * LOSS_LEVELS wait for PRI; RESIZES is the number of rings that get new memory;
 * FAULTS is the number of copies to a program that fail.
 */
#ifndef APPENDS
#define APPENDS 2
#endif
#ifndef OTHERS
#define OTHERS APPENDS
#endif
#ifndef SIZE
#define SIZE APPENDS
#endif
#ifndef MISSES
#define MISSES 0
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef WANT
#define WANT 3
#endif
#ifndef SLEEP
#define SLEEP 1
#endif
#ifndef EDGES
#define EDGES 0
#endif
#ifndef SIGNALS
#define SIGNALS 0
#endif
#ifndef LOSS_EDGES
#define LOSS_EDGES 0
#endif
#ifndef LOSS_LEVELS
#define LOSS_LEVELS 0
#endif
#ifndef RESIZES
#define RESIZES 0
#endif
#ifndef FAULTS
#define FAULTS 0
#endif

#if RESIZES
#define MEMORIES	2
#define RESIZERS	1
#else
#define MEMORIES	1
#define RESIZERS	0
#endif
#if MISSES
#define NMIS		1
#else
#define NMIS		0
#endif

/* Bits of waiters on data_wait */
#define me		(1 << (_pid - 2))
#define EDGE		READERS
#define LOSS_EDGE	(EDGE + EDGES)
#define LOSS_LEVEL	(LOSS_EDGE + LOSS_EDGES)
#define EDGE_BITS	((1 << LOSS_LEVEL) - (1 << EDGE))
#define WATCHERS	(LOSS_EDGES + LOSS_LEVELS)

/* struct bufflink_ring, twice. The memory of a resize begins at its turn. */
typedef header {
	byte record;		/* its number in its ring, from 1; 0 is none */
	byte stamp;
	byte lost_records;
	byte before		/* of the other ring; only for the proof */
}
header cells[2 * MEMORIES * SIZE];
bool lock[2];
byte head[2], tail[2], turn[2], limit[2];
bool data[2], read_data[2];	/* which memory */
byte pending[2];
byte missed;			/* in the first ring */
bool in_pass[2];		/* the list */

#define HAS_DATA	(USED(0) || USED(1) || page_used)
#define START(r, m)	(m -> turn[r] : 0)
#define CELL(r, m, at)	cells[((r) * MEMORIES + (m)) * SIZE + \
			      ((at) - START(r, m)) % SIZE]
#define NEXT(r)		CELL(r, read_data[r], tail[r])
#define USED(r)		(head[r] != tail[r])
#define TURNING(r)	(data[r] != read_data[r])
#define HAS_ROOM(r)	(head[r] - (TURNING(r) -> turn[r] : tail[r]) < SIZE)
#define AT_TURN(r)	(RESIZES && TURNING(r) && tail[r] == turn[r])

/* struct bufflink */
byte counter, pass_stamp, page_used, turning;
bool read_lock, bl_armed, bl_lost, bl_pending, bl_contended;
byte loss;			/* its records */
bool irq_now, signal_in;
byte asleep;			/* on data_wait, not woken yet */
byte ready_list;		/* epoll was called back, and will look again */
#define waitqueue_active	(asleep || EDGES || LOSS_EDGES || SIGNALS)

/* Only for the proof. */
byte stopped, faults, gone;
byte returned[2];		/* records whose append did */
byte taken[2];			/* records that a pass has taken */
byte losses, reported;		/* sum of the reports of GETLOSS */

/*
 * Losses that are not reported yet, by the number of records of their ring before
 * them. An NMI stops an append: it is before or after that append's record.
 */
#define PLACES		(APPENDS + 1)
byte lost_at[2 * PLACES];
byte missed_at[PLACES];

inline place_loss(r) {
	losses++;
	lost_at[r * PLACES + returned[r]]++
}

inline place_miss() {
	losses++;
	missed_at[returned[0]]++
}

hidden byte over, here;

inline unplace(r, n) {
	d_step {
		over = n;
		here = taken[r];
#if MISSES
		if
		:: r == 0 && here ->
			do
			:: over && missed_at[here - 1] ->
				over--; missed_at[here - 1]--
			:: else -> break
			od
		:: else
		fi;
#endif
		do
		:: over && lost_at[r * PLACES + here] ->
			over--; lost_at[r * PLACES + here]--
		:: else -> break
		od;
#if MISSES
		if
		:: r == 0 ->
			do
			:: over && missed_at[here] -> over--; missed_at[here]--
			:: else -> break
			od
		:: else
		fi;
#endif
		assert(!over);			/* reported elsewhere, or twice */
		here = 0
	}
}

/* In the step that takes a record: the losses before it are reported. */
inline check_places(r) {
	assert(!lost_at[r * PLACES + taken[r]]);
#if MISSES
	assert(r || !taken[0] || !missed_at[taken[0] - 1])
#endif
}

/* In the step that takes the lock, or after it */
inline bufflink_fold(r) {
#if MISSES
	if
	:: r == 0 -> pending[0] = pending[0] + missed; missed = 0
	:: else
	fi
#else
	skip
#endif
}

#define queue_now()	irq_now = irq_now || waitqueue_active	/* B4 */

inline bufflink_set_pending(r) {
#ifdef EARLY_USED
	was = USED(r);
	if
	:: atomic { !bl_pending -> bl_pending = true };
		if
		:: atomic { !was -> queue_now() }
		:: else
		fi
	:: else
	fi;
	was = false
#else
	if
	:: atomic { !bl_pending -> bl_pending = true };
#ifndef QUIET_PENDING
		if
		:: atomic { !USED(r) -> queue_now() }		/* B7 */
		:: else
		fi
#endif
	:: else
	fi
#endif
}

inline bufflink_queue_data_wakeup(r) {
	atomic {
		if
		:: USED(r) && bl_armed -> bl_armed = false; queue_now()
		:: else
		fi
	}
}

#define r	_pid

inline publish() {
#ifndef KEEP_PENDING
	pending[r] = pending[r] - carried;
#endif
	CELL(r, data[r], head[r]).record = head[r] + 1;
	CELL(r, data[r], head[r]).stamp = stamp;
	CELL(r, data[r], head[r]).lost_records = carried;
	CELL(r, data[r], head[r]).before = before;
	head[r] = head[r] + 1					/* B1 */
}

inline unlock() {
	lock[r] = false;
	carried = 0; stamp = 0; before = 0; slow = false
}

active [2] proctype client() {
	byte appended, stamp, before, carried;
	bool slow, was;
	do
	:: appended < (r -> OTHERS : APPENDS) ->
#ifdef EARLY_ARMED
		slow = bl_armed;
#endif
		atomic {
			!lock[r] -> lock[r] = true; appended++;
			before = returned[1 - r];
			carried = pending[r]
		};
#if MISSES
#ifndef NO_FOLD
		if
		:: atomic { r == 0 && missed -> bufflink_fold(r); carried = pending[r] }
		:: else
		fi;
#endif
#endif
		atomic { counter++; stamp = counter };		/* B9 */
		if
#ifdef EARLY_ARMED
		:: HAS_ROOM(r);
#else
		:: atomic { HAS_ROOM(r) -> slow = bl_armed };	/* B3 */
#endif
			atomic {
				publish();
				if
				:: slow
				:: else -> returned[r] = head[r]; unlock()
				fi
			};
			if
			:: atomic {
				slow -> bufflink_queue_data_wakeup(r);
				returned[r] = head[r]; unlock()
				}
			:: else
			fi
		:: else ->
#ifdef LOSE_CARRIED
			pending[r] = pending[r] - carried;
#endif
			atomic { pending[r] = pending[r] + 1; place_loss(r) };
			bufflink_set_pending(r);
			atomic { unlock() }
		fi
	:: else -> break
	od;
	stopped++
}
#undef r

/* The state that a lock or read_lock protects does not change meanwhile. */
inline bufflink_has_data() {
	yes = USED(0);
#ifndef FIRST_RING
	if :: !yes -> yes = USED(1) :: else fi;
#endif
	if :: !yes -> yes = page_used > 0 :: else fi
}

inline bufflink_has_late_loss() {
	if
	:: bl_pending ->
		bufflink_has_data();
		atomic { late = !yes; yes = false }
	:: else
	fi
}

inline bufflink_arm() {
	atomic { !lock[0] -> bufflink_fold(0); bl_armed = true };
#ifndef SKIP_RING
	atomic { !lock[1] -> bl_armed = true }			/* B3 */
#endif
}

/* Records that a fault left in the page are in no ring. */
inline bufflink_arm_or_wake() {
	for (r : 0 .. 1) {
		atomic { !lock[r] -> lock[r] = true; bufflink_fold(r); bl_armed = true };
		bufflink_queue_data_wakeup(r);
		lock[r] = false
	}
	r = 0;
#ifndef NO_PAGE_WAKEUP
	if
	:: atomic { page_used -> bl_armed = false; queue_now() }
	:: else
	fi
#endif
}

inline bufflink_report(n) {
	atomic {
		loss = loss + n;
		if :: !bl_lost -> bl_lost = true; queue_now() :: else fi
	}
}

inline bufflink_turn(r) {
	if
	:: AT_TURN(r) ->
		atomic {
			!lock[r] -> bufflink_fold(r);
			read_data[r] = data[r]; turning--
		}
	:: else
	fi
}

/* Its record is in the pass if it is not later than that. Part of a step */
inline look(r) {
	if
	:: tail[r] == limit[r] -> in_pass[r] = false
	:: else ->
#ifdef NO_LIMIT
		in_pass[r] = true
#else
		in_pass[r] = NEXT(r).stamp <= pass_stamp
#endif
	fi
}

inline bufflink_look(r) {
#if RESIZES
#ifndef NO_TURN
	if
	:: tail[r] != limit[r] -> bufflink_turn(r)
	:: else
	fi;
#endif
#endif
	atomic { look(r) }
}

inline bufflink_begin_pass() {
#ifdef EARLY_HEADS
	limit[0] = head[0]; limit[1] = head[1];
#endif
	pass_stamp = counter;					/* B9 */
	do
	:: true ->
		atomic {
#ifndef EARLY_HEADS
			limit[r] = head[r];			/* B1 */
#endif
#if !RESIZES
			look(r)
#endif
		};
#if RESIZES
		bufflink_look(r);
#endif
		atomic { r++; if :: r == 2 -> r = 0; break :: else fi }
	od
}

inline bufflink_report_pending() {
#ifdef LATE_CLEAR
	was = bl_pending;
#else
	atomic { was = bl_pending; bl_pending = false };	/* B6 */
#endif
	if
	:: was ->
		for (r : 0 .. 1) {
			/* bufflink_take_if_drained() */
			atomic { !lock[r] -> lock[r] = true; bufflink_fold(r) };
			atomic {
				if
#ifndef TAKE_ALL
				:: pending[r] && USED(r) ->
#ifndef FORGET_PENDING
					bl_pending = true
#endif
				:: else ->
#else
				:: true ->
#endif
					n = pending[r]; pending[r] = 0;
					unplace(r, n)
				fi;
				lock[r] = false
			};
			if :: n -> bufflink_report(n) :: else fi;
			n = 0
		}
		r = 0;
#ifdef LATE_CLEAR
		bl_pending = false;
#endif
		was = false
	:: else
	fi
}

/* The loss first, then the page, then the tail: waiting records can be seen. */
inline bufflink_take() {
	d_step {
		r = (in_pass[0] -> 0 : 1);
#ifndef NO_MERGE
		if
		:: in_pass[0] && in_pass[1] && NEXT(1).stamp < NEXT(0).stamp -> r = 1
		:: else
		fi;
#endif
		n = NEXT(r).lost_records;
		if :: n -> unplace(r, n) :: else fi;
		check_places(r);
		assert(NEXT(r).record == taken[r] + 1);
		assert(NEXT(r).before <= taken[1 - r]);	/* causal */
		taken[r] = taken[r] + 1
	};
	if
	:: n -> bufflink_report(n)
	:: else
	fi;
#if SLEEP
	page_used++;
#endif
	atomic {
		n = 0;
		NEXT(r).record = 0; NEXT(r).stamp = 0;
		NEXT(r).lost_records = 0; NEXT(r).before = 0;
		tail[r] = tail[r] + 1;				/* B2 */
#if !SLEEP
		page_used++;
#endif
#if !RESIZES
		look(r); r = 0
#endif
	};
	/* bufflink_requeue_ring() */
#if RESIZES
	bufflink_look(r);
	r = 0;
#endif
	if
	:: !in_pass[0] && !in_pass[1] -> bufflink_report_pending()
	:: else
	fi
}

inline bufflink_copy_out() {
	do
	:: page_used < WANT && (in_pass[0] || in_pass[1]) -> bufflink_take()
	:: page_used < WANT && !(in_pass[0] || in_pass[1]) && !begun ->
		begun = true;
		bufflink_begin_pass()
	:: else -> break
	od;
	/* bufflink_advance_page() */
	if
	:: atomic { true -> done = page_used; page_used = 0; begun = false }
	:: atomic {
			page_used && faults < FAULTS ->
			faults++; done = page_used; page_used = 1; begun = false
		}
	fi
}

inline bufflink_finish_read() {
#ifdef NO_FINISH
	skip;
#else
	bufflink_has_late_loss();
	if
	:: late -> late = false; bufflink_report_pending()
	:: else
	fi
#endif
#if RESIZES
	;
	if
	:: turning -> bufflink_turn(0); bufflink_turn(1)
	:: else
	fi
#endif
}

inline bufflink_unlock_read() {
	do
	:: true ->
		bufflink_finish_read();
#if EDGES || SIGNALS
#ifdef EARLY_CONTENDED
		was = bl_contended; bl_contended = false;
#endif
#endif
#ifdef EARLY_LOOK
		bufflink_has_late_loss();
		read_lock = false;
#else
		read_lock = false;
#ifndef NO_SECOND_LOOK
		bufflink_has_late_loss();			/* B7 */
#endif
#endif
#if RESIZES
#ifndef NO_TURN_LOOK
		late = late || AT_TURN(0);
		late = late || AT_TURN(1);
#endif
#endif
		atomic {
			if
			:: late && !read_lock -> read_lock = true; late = false
			:: else -> late = false; break
			fi
		}
	od;
#if EDGES || SIGNALS
#ifndef NO_CONTENDED
	if
#if FAULTS
#ifndef QUIET_PAGE
	:: page_used -> bufflink_arm_or_wake()
#endif
#endif
#ifdef EARLY_CONTENDED
	:: atomic { was -> was = false };
#else
	:: atomic { bl_contended -> bl_contended = false };	/* B7 */
#endif
		bufflink_arm_or_wake()
	:: else
	fi
#endif
#endif
}

inline bufflink_catch_up() {
	if
	:: atomic { !read_lock -> read_lock = true };
		bufflink_unlock_read()
	:: else
	fi
}

inline bufflink_ready_or_arm() {
	bufflink_has_data();
	if
	:: yes
	:: else ->
		bufflink_arm();
		bufflink_has_data()				/* B3 */
	fi
}

/* A program that reads, and waits in read(); or if SLEEP is 0, is just awake. */
active [READERS] proctype reader() {
	byte r, n, done;
	bool yes, late, was, begun;
#if !SLEEP
end:
#endif
	do
	:: HAS_DATA || SLEEP ->
		atomic { !read_lock -> read_lock = true };
		bufflink_copy_out();
		bufflink_unlock_read();
#if EDGES
		gone++; break
#endif
#if !SLEEP
		done = 0
#else
		if
		:: done -> done = 0
		:: else ->
			do
			:: bufflink_ready_or_arm();
				if :: yes -> break :: else fi;
				asleep = asleep | me;
				bufflink_ready_or_arm();
				if :: yes -> break :: else fi;
end:				!(asleep & me)
			od;
			atomic { asleep = asleep & ~me; yes = false }
		fi
#endif
	od
}

/*
 * It reads until it is told that nothing waits: a read that must not wait may be
 * refused the read_lock, so the other reader tells it. B7
 */
active [EDGES] proctype edge() {
	byte r, n, done;
	bool yes, late, was, begun;
	do
	:: ready_list = ready_list & ~me;
		bufflink_arm();
		bufflink_has_data();
		do
		:: yes ->
			yes = false;
			if
			:: atomic { !read_lock -> read_lock = true; yes = true }
			:: else ->
				bl_contended = true;
#ifndef ONE_TRY
				atomic { yes = !read_lock; read_lock = true }
#endif
			fi;
			if
			:: yes ->
				bufflink_copy_out();
				bufflink_unlock_read();
				yes = done > 0; done = 0
			:: else
			fi
		:: else -> break
		od;
end:		ready_list & me
	od
}

/* SIGIO: each read arms for the next signal. */
active [SIGNALS] proctype signal_watcher() {
	byte r, n, done;
	bool yes, late, was, begun;
	bufflink_arm();
	signal_in = true;
end:	do
	:: atomic { signal_in -> signal_in = false };
		atomic { !read_lock -> read_lock = true };
		bufflink_copy_out();
		bufflink_unlock_read();
		done = 0;
		bufflink_arm_or_wake()
	od
}

inline bufflink_get_loss() {
#ifndef NO_CATCH_UP
	bufflink_has_late_loss();
	if
	:: late -> late = false; bufflink_catch_up()
	:: else
	fi;
#endif
	atomic { reported = reported + loss; loss = 0; bl_lost = false }
}

/* One GETLOSS for each edge of epoll that says PRI */
active [LOSS_EDGES] proctype loss_edge() {
	byte r, n;
	bool yes, late, was;
	do
	:: ready_list = ready_list & ~me;
		late = bl_lost;
		if :: !late -> bufflink_has_late_loss() :: else fi;
		if
		:: late -> late = false; bufflink_get_loss()
		:: else
		fi;
end:		ready_list & me
	od
}

active [LOSS_LEVELS] proctype loss_level() {
	byte r, n;
	bool yes, late, was;
	do
	:: asleep = asleep | me;				/* B4 */
		late = bl_lost;
		if :: !late -> bufflink_has_late_loss() :: else fi;
		if
		:: late ->
			late = false;
			asleep = asleep & ~me; bufflink_get_loss()
		:: else ->
end:			!(asleep & me)
		fi
	od
}

/* An NMI on the first CPU, while somebody has the lock of that ring; or none */
active [NMIS] proctype nmi() {
	byte i;
	bool was;
end:	do
#ifdef FLAG_FIRST
	:: atomic { i < MISSES && lock[0] -> i++ };
		bufflink_set_pending(0);
		atomic { missed++; place_miss() }
#else
	:: atomic { i < MISSES && lock[0] -> i++; missed++; place_miss() };
		bufflink_set_pending(0)				/* B6 */
#endif
	od
}

active [RESIZERS] proctype bufflink_resize() {
	byte r, n;
	bool yes, late, was;
	atomic { turning = RESIZES };
	for (r : 0 .. RESIZES - 1) {
		/* bufflink_replace_memory(): resize.pml has its steps. */
		atomic { !lock[r] -> turn[r] = head[r]; data[r] = 1 }
	}
	r = 0;
	bufflink_catch_up();
	stopped++
}

active proctype bufflink_irq_now() {
	bool yes;
end:	do
	:: atomic { irq_now -> irq_now = false };
		/* bufflink_wake_readers() */
		d_step { asleep = 0; ready_list = EDGE_BITS };
#if SIGNALS
		bufflink_has_data();
		atomic { signal_in = signal_in || yes; yes = false }
#endif
	od
}

#define STOPPERS	(2 + RESIZERS)
#define PROGRAMS	(READERS > gone || EDGES || SIGNALS)

/* When nothing moves any more */
active proctype check() {
	bool asleep_now;
	stopped == STOPPERS;
	timeout;
	asleep_now = PROGRAMS;
	assert(!asleep_now || !HAS_DATA);
	assert(losses == reported + loss + pending[0] + pending[1] + missed);
	assert(!WATCHERS || HAS_DATA || reported==losses);
	assert(HAS_DATA || !TURNING(0) && !TURNING(1));		/* freed */
	assert(!read_lock)
}

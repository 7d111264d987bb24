/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bufflink's ordering and wakeups, for Spin. Names are those of bufflink.c
 * where it has them; B1 to B6 are the barriers that its first comment tells of.
 *
 * A step is one look at, or change of, what others change meanwhile; taking or
 * leaving a lock may be part of it, and so may a look at both head and tail.
 * Spin's memory is never weak: a barrier stands for the order of two steps, and
 * to take it away is to do them the other way around. Each #ifdef is a mistake;
 * check.sh has them found.
 *
 * To be defined: SIZE of the ring; WATERMARK; BOUNCE, 1 if the memory is the
 * client's; THREADS that append, NMIS (0 or 1) on the CPU of thread 0, APPENDS
 * of each of them; POLLERS (0 or 1).
 */
#define THREAD	(_pid < THREADS)	/* or else an NMI */
#define READER	0
#define POLLER	1
#define MIN(a, b) (a < b -> a : b)
#define MAX(a, b) (a > b -> a : b)

/* struct bufflink; a byte in the ring is its own position in the stream. */
byte ring[SIZE] = 255;
byte head, tail, put, credit, highwater;
byte records, lost_records, lost_bytes, missed_records, missed_bytes;
byte refused_records, refused_bytes;	/* one word */
bool lock, bounce_lock, dead, bl_sleeper, bl_lazy, bl_missed;
bool wake_now, wake_lazy;	/* these irq_works are pending */
bool asleep[2];			/* on data_wait */

/* Only for the proof. */
bool in_nmi, destroyed;
byte stopped, offered_records, offered_bytes;
byte sleeps;			/* that did not cost their wakeup yet */

#define bufflink_used	(head - tail)	/* B1, B2 */

inline bufflink_fold() {
	if
	:: missed ->						/* B6 */
		bl_missed = false;
		atomic {
			lost_records = lost_records + refused_records;
			lost_bytes = lost_bytes + refused_bytes;
			refused_records = 0; refused_bytes = 0
		}
		atomic { n = missed_records; missed_records = 0 }
		if
		:: n ->
			lost_records = lost_records + n;
			atomic { n = missed_bytes; missed_bytes = 0 }
			lost_bytes = lost_bytes + n
		:: else
		fi;
		atomic { n = 0; missed = false }
	:: else
	fi
}

inline bufflink_notify() {
	used = bufflink_used;
	if
	:: !used || !bl_sleeper
	:: used && bl_sleeper && used < WATERMARK ->
#ifndef NO_LAZY
		atomic { queue = !bl_lazy; bl_lazy = true }
		wake_lazy = wake_lazy || queue
#endif
	:: used && bl_sleeper && used >= WATERMARK ->
#ifdef KEEP_SLEEPER
		queue = bl_sleeper;
#else
		atomic { queue = bl_sleeper; bl_sleeper = false }
#endif
		wake_now = wake_now || queue
	fi
}

/* Where the record goes, by credit or by a look at tail; or that it cannot. */
inline bufflink_store() {
	d_step {
		at = put;
		position = head;
		if
		:: size <= credit ->
			credit = credit - size;
			put = put + size
		:: size > credit && bufflink_used + size <= SIZE ->
			used = bufflink_used + size;
			put = put + size;
			put = (put >= SIZE -> put - SIZE : put);
			highwater = MAX(highwater, used);
			credit = MIN(highwater - used, SIZE - put)
		:: else -> err = true
		fi
	}
}

/* What is counted, and then the flag looked at. */
inline bufflink_miss() {
#ifdef EARLY_LOOK
	queue = bl_missed;
#endif
	if
	:: refused -> atomic {
			refused_records++;
			refused_bytes = refused_bytes + size
		}
	:: else ->
#ifdef RECORDS_FIRST
		missed_records++;
		missed_bytes = missed_bytes + size
#else
		missed_bytes = missed_bytes + size;		/* B6 */
		missed_records++
#endif
	fi;
#ifndef EARLY_LOOK
	queue = bl_missed;					/* B6 */
#endif
	bl_missed = bl_missed || !queue
}

/* Full is what was so at one moment: that of the second look. */
inline bufflink_refuse() {
#ifdef TAIL_FIRST
	at = tail;
	atomic { refused = head - at + size > SIZE;
#else
	at = head;
	atomic { refused = at - tail + size > SIZE;
#endif
		assert(!refused || bufflink_used + size > SIZE);
		at = 0
	}
}

inline bufflink_record() {
	bufflink_store();
	if
	:: err ->
		missed = bl_missed; bufflink_fold();
		atomic { lost_records++; lost_bytes = lost_bytes + size }
	:: !err ->
#ifdef NO_RELEASE
		head = head + size;
#endif
		ring[at % SIZE] = position;
		if
		:: size == 2 -> ring[(at + 1) % SIZE] = position + 1
		:: else
		fi;
		atomic { missed = bl_missed; told = bl_sleeper }	/* B3 */
		bufflink_fold();
		atomic {
			records++;
#ifndef NO_RELEASE
			head = head + size		/* B1 */
#endif
		}
		if :: told -> bufflink_notify() :: else fi
	fi;
	/* An NMI stops the thread below it: that does not unlock meanwhile. */
	atomic { _pid != 0 || !in_nmi -> lock = false }
}

/* An NMI, or an append nested in another, only tries to get the lock. */
active [THREADS + NMIS] proctype client() {
	byte size, used, at, position, n, i;
	bool locked, refused, err, queue, missed, told;
	do
	:: i < APPENDS ->
		atomic {
			i++; size = 1 + (_pid + i) % 2;
			in_nmi = in_nmi || !THREAD;
			offered_records++;
			offered_bytes = offered_bytes + size
		}
		if :: size > credit -> bufflink_refuse() :: else fi;
		atomic {
#ifdef NMI_WAITS
			!lock || refused;
#else
			!lock || !THREAD || refused;
#endif
			locked = !lock && !refused;
			lock = lock || locked
		}
		if :: locked -> bufflink_record() :: else -> bufflink_miss() fi;
		atomic {
			in_nmi = in_nmi && THREAD;
			used = 0; at = 0; size = 0; position = 0;
			locked = false; refused = false; err = false;
			queue = false; missed = false; told = false
		}
	:: else -> break
	od;
	stopped++
}

/* Whether to wait no more. */
inline bufflink_ready() {
	if
	:: bufflink_used || dead -> ready = true
	:: else ->
		/* bufflink_arm() */
		atomic {
			!lock -> sleeps = sleeps + !bl_sleeper;
			bl_sleeper = true
		}
#ifndef NO_RECHECK
		ready = bufflink_used || dead			/* B3 */
#endif
	fi
}

/* Both what wait_event() does after its first look, and poll(). */
inline wait_for_data(me) {
	do
	:: ready -> break
	:: else ->
		asleep[me] = true; bufflink_ready();
		if :: ready :: !ready && !asleep[me] fi
	od;
	asleep[me] = false
}

inline bufflink_drain() {
	want = (BOUNCE && dead -> 0 : bufflink_used);
#ifdef NO_TAIL_RELEASE
	tail = tail + want;
#endif
	do
	:: done < want && !gone ->
		atomic {
			!bounce_lock -> bounce_lock = BOUNCE;
			gone = BOUNCE && dead
		}
		if
		:: gone
		:: !gone -> atomic {
				assert(!BOUNCE || !destroyed);
				assert(ring[get] == position);
				position++; done++; get = (get + 1) % SIZE
			}
		fi;
		bounce_lock = false
	:: else -> break
	od;
#ifndef NO_TAIL_RELEASE
	tail = tail + done					/* B2 */
#endif
}

/* A program that reads until the end or, so that others wait, reads nothing. */
active proctype reader() {
	byte want, done, get, position;
	bool ready, gone, was_dead;
	do
	:: POLLERS && !position -> break
	:: true ->
#ifndef LATE_DEAD
		was_dead = dead;				/* B5 */
#endif
		bufflink_drain();
#ifdef LATE_DEAD
		was_dead = dead;
#endif
		if
		:: done
		:: !done && was_dead ->
			assert(BOUNCE || position == head); break
		:: else -> bufflink_ready(); wait_for_data(READER)
		fi;
		atomic { done = 0; want = 0; ready = false; gone = false }
	od;
	assert(position == tail)
}

active [POLLERS] proctype poller() {
	bool ready;
	wait_for_data(POLLER)
}

/* Takes who is to be woken off the queue, and says so in wakeups. */
inline bufflink_wake() {
	if
	:: asleep[READER] || asleep[POLLER] ->
		atomic { !lock; assert(sleeps); sleeps-- }
		atomic { asleep[READER] = false; asleep[POLLER] = false }
	:: else
	fi
}

active proctype irq_work() {
end:	do
	:: atomic { wake_now -> wake_now = false } bufflink_wake()
	od
}

active proctype tick() {
	bool taken;
end:	do
	:: atomic { wake_lazy -> wake_lazy = false }
#ifndef LATE_LAZY
		bl_lazy = false;
#endif
		if
		:: bufflink_used ->
			atomic { taken = bl_sleeper; bl_sleeper = false }
			if :: taken -> taken = false; bufflink_wake() :: else fi
		:: else
		fi;
#ifdef LATE_LAZY
		bl_lazy = false
#endif
	od
}

active proctype bufflink_destroy() {
	byte n;
	bool missed;
	/* Any time after the client stopped; or when nothing else goes on. */
	stopped == THREADS + NMIS;
	if
	:: true
	:: true -> timeout;
		assert(!bufflink_used || !asleep[READER] && !asleep[POLLER])
	fi;
	atomic { !lock -> lock = true; missed = bl_missed }
	bufflink_fold();
	assert(offered_records == records + lost_records);
	assert(offered_bytes == head + lost_bytes);
	atomic { dead = true; lock = false }			/* B5 */
#ifndef NO_BOUNCE
	!bounce_lock;
#endif
#ifndef NO_WAKE
	atomic { asleep[READER] = false; asleep[POLLER] = false }
#endif
	destroyed = true
}

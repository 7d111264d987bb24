/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bufflink's ring, the order of its bytes and the loss accounting, for Spin.
 * Names are those of bufflink.c; B1 to B6 are the barriers that its first
 * comment tells of. wakeups.pml has B3, B4 and all that sleeps: here a reader that
 * waits for bytes is awake as soon as it should be. B7 is here for a reader that
 * waits for read_lock.
 *
 * A step is one look at, or change of, a variable that others change. It may
 * also take or leave a lock, or look at both head and tail. Spin's memory is
 * never weak: a barrier stands for the order of two steps, and a mistake swaps
 * them. Each #ifdef is a mistake; check.sh wants each of them found.
 *
 * check.sh defines the SIZE of the ring; BOUNCE 1 if the memory is that of the
 * client; THREADS that append, NMIS (0 or 1) on the CPU of thread 0, APPENDS of
 * each of them; READERS that share the stream. With STUCK 1, a program may keep one
 * of them in its copy for ever.
 */
#ifndef STUCK
#define STUCK 0
#endif
#define THREAD	(_pid < THREADS)	/* or else an NMI */
#define MIN(a, b) (a < b -> a : b)
#define MAX(a, b) (a > b -> a : b)

/* struct bufflink; a byte in the ring is its own position in the stream. */
byte ring[SIZE] = 255;
byte head, tail, head_ptr, tail_ptr, credit, highwater;
byte records, lost_records, lost_bytes, missed_records, missed_bytes;
byte refused_records, refused_bytes;	/* one word */
bool lock, read_lock, bounce_lock, destroyed, bl_unfolded;
byte copying;
byte asleep;			/* bits of readers on lock_wait, not woken yet */
#define me	(1 << (_pid - THREADS - NMIS))

/* Only for the proof. */
bool in_nmi, returned;		/* bufflink_destroy() has */
byte read;			/* the position that is to be read next */
byte handed;			/* up to here, bytes were in the hands of a reader */
bool stuck;
byte stopped, offered_records, offered_bytes;

#define bufflink_used	(head - tail)	/* B1, B2 */

inline bufflink_fold() {
	if
	:: missed ->						/* B6 */
		bl_unfolded = false;
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

/* Finds a place for the record, by credit or by a look at tail. */
inline bufflink_store_slow() {
	d_step {
		at = head_ptr;
		position = head;
		if
		:: size <= credit ->
			credit = credit - size;
			head_ptr = head_ptr + size
		:: size > credit && bufflink_used + size <= SIZE ->
			used = bufflink_used + size;
			head_ptr = head_ptr + size;
			head_ptr = (head_ptr >= SIZE -> head_ptr - SIZE : head_ptr);
			highwater = MAX(highwater, used);
			credit = MIN(highwater - used, SIZE - head_ptr)
		:: else -> err = true
		fi
	}
}

/* Both count first, and then look at the flag. */
inline bufflink_count_without_lock() {
#ifdef EARLY_LOOK
	seen = bl_unfolded;
#endif
	if
	:: refused -> atomic {
			refused_records++;
			refused_bytes = refused_bytes + size
		}
	:: else ->	/* bufflink_count_missed() */
#ifdef RECORDS_FIRST
		missed_records++;
		missed_bytes = missed_bytes + size
#else
		missed_bytes = missed_bytes + size;
		missed_records++
#endif
	fi;
#ifndef EARLY_LOOK
	seen = bl_unfolded;					/* B6 */
#endif
	bl_unfolded = bl_unfolded || !seen
}

/* The buffer was full at one moment: that of the second look. */
inline bufflink_refuse_if_full() {
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

inline __bufflink_append() {
	bufflink_store_slow();
	if
	:: err ->
		missed = bl_unfolded; bufflink_fold();
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
		/* bufflink_commit() */
		missed = bl_unfolded; bufflink_fold();
		atomic {
			records++;
#ifndef NO_RELEASE
			head = head + size		/* B1 */
#endif
		}
	fi;
	/* An NMI stops the thread below it: that does not unlock meanwhile. */
	atomic { _pid != 0 || !in_nmi -> lock = false }
}

/* An NMI, or an append nested in another, only tries to get the lock. */
active [THREADS + NMIS] proctype client() {
	byte size, used, at, position, n, i;
	bool locked, refused, err, seen, missed;
	do
	:: i < APPENDS ->
		atomic {
			i++; size = 1 + (_pid + i) % 2;
			in_nmi = in_nmi || !THREAD;
			offered_records++;
			offered_bytes = offered_bytes + size
		}
		if :: size > credit -> bufflink_refuse_if_full() :: else fi;
		atomic {
#ifdef NMI_WAITS
			!lock || refused;
#else
			!lock || !THREAD || refused;
#endif
			locked = !lock && !refused;
			lock = lock || locked
		}
		if
		:: locked -> __bufflink_append()
		:: else -> bufflink_count_without_lock()
		fi;
		atomic {
			in_nmi = in_nmi && THREAD;
			used = 0; at = 0; size = 0; position = 0;
			locked = false; refused = false; err = false;
			seen = false; missed = false
		}
	:: else -> break
	od;
	stopped++
}

inline bufflink_copy_out() {
	want = (BOUNCE && destroyed -> 0 : bufflink_used);
	atomic { copying = want; handed = MAX(handed, tail + want) };
#ifdef NO_TAIL_RELEASE
	tail = tail + want;
#endif
#ifndef QUIET_COPY
	if							/* B4 */
	:: atomic { asleep && destroyed -> asleep = 0 }
	:: else
	fi;
#endif
	do
	:: STUCK && done < want && !stuck -> stuck = true; end_stuck: false
	:: done < want && !gone ->
		/* bufflink_next_piece() */
		atomic {
			!bounce_lock -> bounce_lock = BOUNCE;
			gone = BOUNCE && destroyed
		}
		if
		:: gone
		:: !gone -> atomic {
				assert(!BOUNCE || !returned);
				assert(ring[tail_ptr] == read);
				read++; done++;
				tail_ptr = (tail_ptr + 1) % SIZE
			}
		fi;
		bounce_lock = false
	:: else -> break
	od;
#ifndef LATE_CLEAR
	copying = 0;						/* B5 */
#endif
#ifndef NO_TAIL_RELEASE
	tail = tail + done;					/* B2 */
#endif
	copying = 0
}

/* The rest only shrinks, so it is looked at before copying. */
inline bufflink_at_end() {
#ifdef COPYING_FIRST
	want = copying;
#endif
#ifdef LATE_DESTROYED
	left = bufflink_used;
	end = destroyed;
#else
	end = destroyed;					/* B5 */
	left = (BOUNCE && end -> 0 : bufflink_used);
#endif
#ifdef COPYING_FIRST
	end = end && left <= want;
#else
	end = end && left <= copying;
#endif
	atomic { want = 0; left = 0 }
}

inline bufflink_wake_one() {
	if
	:: atomic { asleep & 1 -> asleep = asleep & ~1 }
	:: atomic { asleep & 2 -> asleep = asleep & ~2 }
	:: atomic { asleep & 4 -> asleep = asleep & ~4 }
	:: else
	fi
}

/* Joins lock_wait, and then tries to take read_lock: B7 */
inline bufflink_lock_read() {
	do
	:: true ->
#ifndef LATE_JOIN
		asleep = asleep | me;
#endif
		atomic { locked = !read_lock; read_lock = true };
		if
		:: locked -> break
		:: else -> bufflink_at_end()
		fi;
#ifdef LATE_JOIN
		asleep = asleep | me;
#endif
		if
		:: end -> break
		:: else
		fi;
end_behind:	!(asleep & me)
	od;
	asleep = asleep & ~me;
#ifndef KEEP_WAKEUP
	if
	:: !locked -> bufflink_wake_one()
	:: else
	fi
#endif
}

inline bufflink_unlock_read() {
	atomic { read_lock = false; locked = false };
#ifndef NO_LOCK_WAKE
	bufflink_wake_one()					/* B7 */
#endif
}

active [READERS] proctype reader() {
	byte want, done, left;
	bool gone, end, locked;
	do
	:: true ->
#ifdef NO_READ_LOCK
		locked = true;
#else
		bufflink_lock_read();
#endif
		if
		:: locked -> bufflink_copy_out(); bufflink_unlock_read()
		:: else
		fi;
		if
		:: done		/* its program reads again, or ends */
		:: done -> break
		:: else ->
			bufflink_at_end();
			if
			:: end -> assert(BOUNCE || handed == head); break
			:: else -> bufflink_used || destroyed
			fi
		fi;
		atomic { done = 0; want = 0; gone = false; end = false }
	od
}

active proctype bufflink_destroy() {
	byte n;
	bool missed;
	stopped == THREADS + NMIS;
	atomic { !lock -> lock = true; missed = bl_unfolded }
	bufflink_fold();
	assert(offered_records == records + lost_records);
	assert(offered_bytes == head + lost_bytes);
	atomic { destroyed = true; lock = false }		/* B5 */
#ifndef NO_BOUNCE
	!bounce_lock;
#endif
#ifdef NO_END_WAKE
	returned = true
#else
	atomic { returned = true; asleep = 0 }
#endif
}

/* Nobody sleeps behind a reader that has all that is left in its hands. */
active proctype proof() {
	timeout -> assert(!asleep || (stuck && !BOUNCE && handed < head))
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The resize of a bufflink buffer, for Spin. Names are those of bufflink.c; B1, B2,
 * B7 and B8 are the barriers that its first comment tells of. As in bufflink.pml, a
 * step is one look at, or change of, a variable that others change; a barrier is the
 * order of two steps; each #ifdef is a mistake.
 *
 * check.sh defines THREADS that append APPENDS records each, of 1 and 2 bytes in
 * turn; READERS; RESIZES, 1 or 2; and the sizes of the memories, FIRST, SECOND and
 * THIRD.
 */
#define MAX_SIZE	3
#define MEMORIES	3
#define MIN(a, b)	(a < b -> a : b)
#define SIZE_OF(m)	(m == 0 -> FIRST : (m == 1 -> SECOND : THIRD))
#define BYTE(m, at)	ring[(m) * MAX_SIZE + (at)]

/* struct bufflink; a byte in a memory is its own position in the stream. */
byte ring[MEMORIES * MAX_SIZE] = 255;
byte data, read_data;		/* which memory */
byte size = FIRST;
byte head, tail, turn, head_ptr, tail_ptr, credit;
bool lock, read_lock;

/* Only for the proof. */
bool freed[MEMORIES];
byte read;			/* the position that is to be read next */
byte stopped;			/* threads and resizes */
byte gone;			/* readers */
byte wanted[THREADS];		/* bytes of the record on its way, or 0 */
bool roomy[THREADS];		/* there was room for it all the time */

/* The room as it is, not as a thread has seen it */
#define START	(data != read_data -> turn : tail)
#define ROOM	(SIZE_OF(data) - (head - START))

/* In each step that takes room. */
inline look_at_room() {
	for (n : 0 .. THREADS - 1) {
		roomy[n] = roomy[n] && ROOM >= wanted[n]
	}
	n = 0
}

inline free(m) {
	assert(!freed[m]);
	freed[m] = true
}

/* used is a byte, so it is huge, too, if tail has passed the head. */
inline bufflink_refuse_if_full() {
#ifdef CAPACITY_FIRST
	capacity = size;
#endif
	used = head;
#if !defined(CAPACITY_FIRST) && !defined(CAPACITY_LAST)
	capacity = size;
#endif
#ifdef TAIL_FIRST
	used = used - tail;
#endif
	memory = data;						/* B8 */
	turning = memory != read_data;				/* B8 */
#ifdef CAPACITY_LAST
	capacity = size;
#endif
	atomic {
#ifndef TAIL_FIRST
		used = used - tail;
#endif
		err = !turning && used <= capacity && wanted[_pid] <= capacity &&
		      wanted[_pid] > capacity - used;
		assert(!err || !roomy[_pid])
	}
}

/* With lock held */
inline bufflink_room() {
	turning = data != read_data;
	used = (turning -> turn : tail);			/* B2 */
	room = (head - used < size -> size - (head - used) : 0)
}

/* With lock held: copies in, two bytes in two steps, and publishes. */
inline bufflink_store() {
	at = head_ptr;
	for (i : 0 .. wanted[_pid] - 1) {
		assert(!freed[data] && at < SIZE_OF(data));
		BYTE(data, at) = head + i;
		at = (at + 1 == size -> 0 : at + 1)
	}
	atomic {
		head_ptr = at;
		head = head + wanted[_pid];			/* B1 */
		look_at_room()
	}
}

active [THREADS] proctype client() {
	byte appended, at, i, n, memory, used, capacity, room;
	bool turning, err;
	do
	:: appended < APPENDS ->
		atomic {
			appended++;
			wanted[_pid] = 2 - (_pid + appended) % 2;
			roomy[_pid] = ROOM >= wanted[_pid]
		}
		if
		:: wanted[_pid] > credit -> bufflink_refuse_if_full()
		:: else
		fi;
		if
		:: err
		:: else ->
			atomic { !lock -> lock = true }
			if
			:: wanted[_pid] <= credit ->
				credit = credit - wanted[_pid];
				bufflink_store()
			:: else ->
				bufflink_room();
				if
				:: wanted[_pid] <= room ->
					bufflink_store();
					credit = MIN(room - wanted[_pid],
						     size - head_ptr)
				:: else -> assert(!roomy[_pid])
				fi
			fi;
			lock = false
		fi;
		atomic {
			wanted[_pid] = 0; roomy[_pid] = false; err = false;
			at = 0; i = 0; used = 0; capacity = 0; room = 0;
			memory = 0; turning = false
		}
	:: else -> break
	od;
	stopped++
}

/* Only the holder of read_lock changes tail and read_data. */
inline bufflink_at_turn() {
#ifdef TURN_FIRST
	at = turn;
	there = data != read_data && tail == at;
#else
	there = data != read_data;				/* B8 */
	there = there && tail == turn;
#endif
	at = 0
}

inline bufflink_turn() {
	bufflink_at_turn();
	if
	:: there ->
		drained = read_data;
		atomic { !lock -> lock = true }
		tail_ptr = 0;
		read_data = data;				/* B8 */
		lock = false;
		free(drained)
	:: else
	fi;
	atomic { there = false; drained = 0 }
}

inline bufflink_unlock_read() {
	do
	:: true ->
		bufflink_turn();
#ifdef EARLY_LOOK
		bufflink_at_turn();
		read_lock = false;
#else
		read_lock = false;
		bufflink_at_turn();				/* B7 */
#endif
		atomic {
			there = there && !read_lock;
			read_lock = read_lock || there
		}
		if :: there -> there = false :: else -> break fi
	od
}

inline bufflink_copy_out() {
	want = head - tail;
	do
	:: done < want ->
		bufflink_turn();
		n = MIN(want - done, SIZE_OF(read_data) - tail_ptr);
#ifndef NO_LIMIT
		there = data != read_data;			/* B8 */
		if :: there -> n = MIN(n, turn - tail) :: else fi;
#endif
		assert(n);
		for (i : 0 .. n - 1) {
			assert(!freed[read_data]);
			assert(BYTE(read_data, tail_ptr + i) == read);
			read++
		}
		atomic {
			tail_ptr = tail_ptr + n;
			tail_ptr = (tail_ptr == SIZE_OF(read_data) -> 0 : tail_ptr)
		}
		tail = tail + n;				/* B2 */
		atomic { done = done + n; n = 0; i = 0; there = false }
	:: else -> break
	od;
	atomic { want = 0; done = 0 }
}

active [READERS] proctype reader() {
	byte want, done, n, i, at, drained;
	bool there;
	do
	:: head != tail ->
		atomic { !read_lock -> read_lock = true }
		bufflink_copy_out();
		bufflink_unlock_read()
	:: head == tail && stopped == THREADS + RESIZES -> break
	od;
	gone++
}

inline bufflink_replace_memory() {
	head_ptr = 0;
#ifndef KEEP_CREDIT
	credit = 0;
#endif
#ifdef SIZE_FIRST
	size = SIZE_OF(made);
#endif
#ifndef DATA_FIRST
	turn = head;
#endif
	atomic {
		data = made;					/* B8 */
#ifdef DATA_FIRST
		skip
	}
	atomic {
		turn = head;
#endif
		look_at_room()
	}
#ifndef SIZE_FIRST
	size = SIZE_OF(made);					/* B8 */
#endif
}

inline bufflink_wait_turn() {
	do
	:: true ->
		bufflink_at_turn();
		if
		:: there ->
			atomic { there = read_lock; read_lock = true }
			if
			:: !there -> bufflink_unlock_read()
			:: else -> !read_lock
			fi
		:: else -> break
		fi
	od
}

/* One that is too early gives the new memory back. */
active [RESIZES] proctype bufflink_resize() {
	byte n, at, drained, made;
	bool there;
	made = 1 + _pid - THREADS - READERS;
	bufflink_wait_turn();
	atomic { !lock -> lock = true }
	there = data != read_data;
#ifdef TWO_AT_ONCE
	there = false;
#endif
	if
	:: there ->
		lock = false;
		free(made)
	:: else ->
#ifdef EARLY_TRYLOCK
		at = read_lock;
#endif
		bufflink_replace_memory();
		lock = false;
#ifdef EARLY_TRYLOCK
		if :: !at -> atomic { !read_lock -> read_lock = true } :: else fi;
#else
		atomic { at = read_lock; read_lock = true }	/* B7 */
#endif
		there = false;
		if
		:: !at -> bufflink_unlock_read()
		:: else
		fi
	fi;
	stopped++
}

/* bufflink_free(), after the last close */
active proctype bufflink_free() {
	byte m;
	gone == READERS;
	assert(read == head);
	assert(data == read_data);		/* drained memory is freed */
	free(data);
	for (m : 0 .. RESIZES) {
		assert(freed[m])
	}
}

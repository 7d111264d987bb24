/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bufflink's wakeups, for Spin: all kinds of waiters, and bytes as mere counts.
 * bufflink.pml has the ring, the order of bytes, and the accounts. Names are
 * those of bufflink.c; B3 to B7 are the barriers in its first comment.
 *
 * The rule is: a waiter looks, arms, looks again, and reports only the events of
 * the last look; code that clears a flag then looks for the event of the flag. Spin
 * looks for a break of these:
 *
 *   When nothing moves any more (timeout), nobody sleeps while something waits
 *   that no awake process was told of.
 *   Each time that BL_ARMED is set costs at most one wakeup, unless there are
 *   exclusive waiters.
 *   Each loss is in one report, and nothing goes on for ever.
 *
 * A step is one look at, or change of, a variable that other processes change.
 * It may also take or leave a lock. Spin's memory is never weak: a barrier
 * stands for the order of two steps, and a mistake swaps them. Each #ifdef is a
 * mistake; check.sh wants each of them found.
 *
 * check.sh defines the processes: CLIENTS append APPENDS records each, READERS
 * wait in read(), POLLERS in poll(), EDGES in epoll by edge; EXCLUSIVE ones use
 * EPOLLEXCLUSIVE, STRANGERS do so for room; SIGNALS use SIGIO; LOSS_EDGES and
 * LOSS_LEVELS wait for PRI; WRITERS wait for room. An append with MISSES may
 * fail to get the lock; FAULTS is the number of GETLOSS that fail; LOWER 1
 * lowers the watermark to 1; TICK 0 has no timer tick; CONTENTION 1 has
 * read_lock, which is otherwise part of a step; HOTPLUG 1 takes the CPU of
 * client 0 off, and maybe on again; EARLY 1 destroys the buffer at any time
 * after the appends.
 */
#ifndef CLIENTS
#define CLIENTS 1
#endif
#ifndef APPENDS
#define APPENDS 2
#endif
#ifndef SIZE
#define SIZE 4
#endif
#ifndef WATERMARK
#define WATERMARK 1
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef POLLERS
#define POLLERS 0
#endif
#ifndef EDGES
#define EDGES 0
#endif
#ifndef EXCLUSIVE
#define EXCLUSIVE 0
#endif
#ifndef STRANGERS
#define STRANGERS 0
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
#ifndef WRITERS
#define WRITERS 0
#endif
#ifndef MISSES
#define MISSES 0
#endif
#ifndef FAULTS
#define FAULTS 0
#endif
#ifndef LOWER
#define LOWER 0
#endif
#ifndef TICK
#if WATERMARK > 1
#define TICK 1
#else
#define TICK 0
#endif
#endif
#ifndef HOTPLUG
#define HOTPLUG 0
#endif
#ifndef EARLY
#define EARLY 0
#endif
#ifndef CONTENTION
#define CONTENTION 0
#endif

/* Bits of waiters on data_wait; exclusive ones come last, as in any queue. */
#define READER		0
#define POLLER		(READER + READERS)
#define EDGE		(POLLER + POLLERS)
#define LOSS_EDGE	(EDGE + EDGES)
#define LOSS_LEVEL	(LOSS_EDGE + LOSS_EDGES)
#define STRANGER	(LOSS_LEVEL + LOSS_LEVELS)
#define EXCL		(STRANGER + STRANGERS)
#define WAITERS		(EXCL + EXCLUSIVE)
#define ALL(from, end)	((1 << (end)) - (1 << (from)))
#define me		(1 << (_pid - CLIENTS))

/* struct bufflink */
byte used;			/* head - tail */
byte watermark = WATERMARK;
bool lock, read_lock, destroyed;
bool bl_armed, bl_lazy, bl_lost, bl_unfolded, bl_signal, bl_contended;
byte missed_records;		/* refused, too */
byte loss;			/* its records */
bool fasync;
bool irq_now, irq_tick;		/* these are pending */

byte asleep, room_asleep;	/* on data_wait and room_wait, not woken yet */
byte ready_list;		/* epoll was called back, and will look again */
byte joined;			/* exclusive waiters on data_wait, asleep or not */
bool signal_in, signal_pri;	/* are pending */

/*
 * The CPU of client 0 goes through these states. Its irq_now runs until it is
 * FLUSHED, its irq_tick, in a thread on PREEMPT_RT, until it is OFFLINE.
 */
mtype = { ONLINE, INACTIVE, OFFLINE, FLUSHED, DEAD, STARTING };
mtype cpu = ONLINE;
bool now_here, tick_here;	/* irq_now, irq_tick are pending there */
bool appending;			/* there, so that its state does not change */
#define HERE		(HOTPLUG && _pid == 0)
#define IRQ_NOW_RUNS	(!now_here || cpu == OFFLINE || IRQ_ALL_RUN)
#define IRQ_TICK_RUNS	(!tick_here || IRQ_ALL_RUN)
#define IRQ_ALL_RUN	(cpu == ONLINE || cpu == INACTIVE)

/* Only for the proof. */
bool untold;		/* the last append: nobody was told of it */
byte losses, reported;
byte stopped, faults;
byte sleeps;		/* times that BL_ARMED was set, without a wakeup yet */
#define WATCHED	(LOSS_EDGES || LOSS_LEVELS || SIGNALS && MISSES)
#define COUNTED	(!EXCLUSIVE && !MISSES && !HOTPLUG && !SIGNALS)

/* An irq_work on such a CPU does not run. bufflink_cpu_dead() wakes. */
#ifdef QUEUE_WHEN_OFFLINE
#define bufflink_cpu_went_offline	false
#else
#ifdef STARTING_IS_OFFLINE
#define bufflink_cpu_went_offline	(HERE && !IRQ_ALL_RUN)
#else
#define bufflink_cpu_went_offline	(HERE && (cpu == OFFLINE || cpu == FLUSHED))
#endif
#endif
#ifdef ALWAYS_TICK
#define may_queue_tick	true
#else
#define may_queue_tick	((!HERE || cpu == ONLINE) && !destroyed)
#endif

/* irq_work_queue() does nothing if it is pending, on any CPU. */
inline queue_now() {
	d_step { now_here = (irq_now -> now_here : HERE); irq_now = true }
}

inline queue_tick() {
	d_step { tick_here = (irq_tick -> tick_here : HERE); irq_tick = true }
}

#define waitqueue_active	(asleep || joined || EDGES || LOSS_EDGES)

inline bufflink_queue_loss_wakeup() {
	bl_signal = true;
	if
	:: atomic {						/* B4 */
			(waitqueue_active || fasync) &&
			!bufflink_cpu_went_offline -> queue_now()
		}
	:: else
	fi
}

/* The first loss after a report wakes. */
inline bufflink_set_loss_flags(flag) {
	atomic { before = bl_lost || bl_unfolded; flag = true };
	if
	:: !before -> bufflink_queue_loss_wakeup()
	:: else
	fi;
	before = false
}

/* The flag of the report comes first, so that a loss does not wake twice. */
inline bufflink_fold() {
#if MISSES
	if
	:: bl_unfolded ->
		if
		:: missed_records -> bufflink_set_loss_flags(bl_lost)
		:: else
		fi;
		bl_unfolded = false;				/* B6 */
		atomic { n = missed_records; missed_records = 0 }
		if
		:: n -> loss = loss + n; bufflink_set_loss_flags(bl_lost)
		:: else
		fi;
		n = 0
	:: else
	fi
#else
	skip
#endif
}

inline bufflink_lock() {
	atomic { !lock -> lock = true };
	bufflink_fold()
}

inline bufflink_queue_data_wakeup() {
	if
	:: !used || !bl_armed || bufflink_cpu_went_offline
	:: used && bl_armed && !bufflink_cpu_went_offline &&
	   used < watermark && may_queue_tick ->
#ifndef NO_LAZY
		atomic {
			if :: !bl_lazy -> bl_lazy = true; queue_tick() :: else fi
		}
#endif
	:: used && bl_armed && !bufflink_cpu_went_offline &&
	   !(used < watermark && may_queue_tick) ->
		/* bufflink_disarm() */
		atomic {
			if
			:: bl_armed ->
#ifndef KEEP_ARMED
				bl_armed = false;
#endif
				queue_now()
			:: else
			fi
		}
	fi
}

/* An append looks at the flag after it has taken the lock. B3 */
inline bufflink_arm() {
	bufflink_lock();
	atomic {
		sleeps = (COUNTED -> sleeps + !bl_armed : 0);
		bl_armed = true;
		lock = false
	}
}

inline bufflink_arm_or_wake() {
	bufflink_lock();
	atomic { sleeps = (COUNTED -> sleeps + !bl_armed : 0); bl_armed = true };
	bufflink_queue_data_wakeup();
	lock = false
}

/* One append, or a write that found room; the flags are looked at first. */
inline bufflink_commit(size) {
	if
	:: slow -> bufflink_fold()
	:: else
	fi;
	atomic { used = used + size; untold = true };
	if
	:: slow -> bufflink_queue_data_wakeup()
	:: else
	fi
}

#define MAY_APPEND	(i < APPENDS && !(HERE && cpu == DEAD))

active [CLIENTS] proctype client() {
	byte i, n;
	bool slow, before;
	do
	:: atomic { MISSES && MAY_APPEND -> appending = appending || HERE; i++ };
		/* Without the lock: counts, and then sets the flag. */
#ifdef FLAG_FIRST
		bufflink_set_loss_flags(bl_unfolded);
		atomic { missed_records++; losses++ };
#else
		atomic { missed_records++; losses++ };		/* B6 */
		bufflink_set_loss_flags(bl_unfolded);
#endif
		appending = appending && !HERE
	:: atomic {
			MAY_APPEND && !lock ->
			appending = appending || HERE; i++;
			lock = true; slow = bl_armed || bl_unfolded
		};
		if
		:: used < SIZE -> bufflink_commit(1)
		:: else ->
			bufflink_fold();
			atomic { loss++; losses++ };
			bufflink_set_loss_flags(bl_lost)
		fi;
		atomic {
			lock = false; slow = false;
			appending = appending && !HERE
		}
	:: !MAY_APPEND -> break
	od;
	stopped++
}

/* Looks, arms, looks again, and reports the result of the last look. */
inline bufflink_ready_or_arm() {
#ifdef TWO_LOOKS
	if
	:: used || destroyed
	:: else -> bufflink_arm()
	fi;
	ready = used || destroyed
#else
	if
	:: used || destroyed -> ready = true
	:: else ->
		bufflink_arm();
#ifndef NO_RECHECK
		ready = used || destroyed			/* B3 */
#endif
	fi
#endif
}

/* After a join. An edge is that of the next append, even if there is data. */
inline bufflink_poll(edge) {
#ifdef TWO_LOOKS_POLL
	if
	:: !edge && (used || destroyed)
	:: else -> bufflink_arm()
	fi;
	atomic { ready = used || destroyed; untold = untold && !used }
#else
	atomic { ready = used || destroyed; untold = untold && !(used && !edge) };
	if
	:: !ready || edge ->
		bufflink_arm();
		atomic { ready = used || destroyed; untold = untold && !used }
	:: else
	fi
#endif
}

/*
 * Takes all that waits, or less. A read that must not wait may be refused the
 * read_lock. It was told that nothing waits, so the other one tells it. B7
 */
inline bufflink_read(nowait) {
#if CONTENTION
	if
	:: atomic { !read_lock -> read_lock = true; locked = true }
	:: nowait && read_lock ->
		atomic { bl_contended = true; untold = true };
		if
#ifndef ONE_TRY
		:: atomic { !read_lock -> read_lock = true; locked = true }
#endif
		:: else
		fi
	fi;
	if
	:: locked ->
		n = used;
		atomic {
			if :: n -> used = used - n :: n > 1 -> used-- :: !n fi;
			n = 0
		};
		read_lock = false;
#ifndef NO_CONTENDED
		if
		:: atomic { bl_contended -> bl_contended = false };
			bufflink_arm_or_wake()
		:: else
		fi
#endif
	:: else
	fi;
#else
#if WRITERS
#ifdef EARLY_LOOK
	before = room_asleep;
#endif
#endif
	atomic {
		if :: used -> used = 0 :: used > 1 -> used-- :: !used fi
	};
#if WRITERS
#ifdef EARLY_LOOK
	room_asleep = (before -> 0 : room_asleep); before = false;
#else
	room_asleep = 0;					/* B4 */
#endif
#endif
#endif
	if
#ifdef ARM_IF_EMPTY
	:: fasync && !used -> bufflink_arm_or_wake()
#else
#ifdef REFUSED_WAKES
	:: fasync -> bufflink_arm_or_wake()
#else
	:: fasync && (locked || !CONTENTION) -> bufflink_arm_or_wake()
#endif
#endif
	:: else
	fi;
	locked = false
}

/* A program that reads, and waits in read(), until the end; or does no more. */
active [READERS] proctype reader() {
	byte n;
	bool ready, before, locked;
	do
	:: used ->
		bufflink_read(false);
		if :: true :: true -> break fi
	:: destroyed && !used -> break
	:: !used && !destroyed ->
		bufflink_ready_or_arm();
		do
		:: ready -> break
		:: else ->
			asleep = asleep | me; bufflink_ready_or_arm();
			if :: ready :: !ready && !(asleep & me) fi
		od;
		atomic { asleep = asleep & ~me; ready = false }
	od
}

/* One that reads when poll() says so, without waiting; then polls again. */
active [POLLERS] proctype poller() {
	byte n;
	bool ready, before, locked;
	do
	:: asleep = asleep | me;
		bufflink_poll(false);
		if
		:: ready && destroyed -> break
		:: ready && !destroyed -> atomic { asleep = asleep & ~me; ready = false };
			bufflink_read(true);
			if :: true :: true -> break fi
		:: !ready && !(asleep & me)
		fi
	od;
	asleep = asleep & ~me
}

/* One that reads once an edge of epoll. */
active [EDGES] proctype edge() {
	byte n;
	bool ready, before, locked;
	do
	:: atomic { ready_list = ready_list & ~me; ready = false };
		bufflink_poll(true);
		if
		:: destroyed -> break
		:: !destroyed && ready -> bufflink_read(true)
		:: else
		fi;
		ready_list & me
	od
}

/* GETLOSS. Code that clears BL_LOST wakes for a loss that relied on it. */
inline bufflink_get_loss() {
	bufflink_lock();
	atomic {
		n = loss; loss = 0; bl_lost = false;
#ifndef BLIND_GETLOSS
		before = bl_unfolded
#endif
	};
	if
	:: before -> bufflink_queue_loss_wakeup()
	:: else
	fi;
	atomic { before = false; lock = false };
	if
	:: n && faults < FAULTS ->
		/* Losses that could not be reported are put back, with the flag. */
		atomic { faults++; failed = n; n = 0 };
		bufflink_lock();
		loss = loss + failed;
#ifdef QUIET_FAULT
		bl_lost = true;
#else
		bufflink_set_loss_flags(bl_lost);
#endif
		atomic { lock = false; failed = 0 }
	:: true -> atomic { reported = reported + n; n = 0 }
	fi
}

/* A program that makes one GETLOSS for each edge of epoll that says PRI. */
active [LOSS_EDGES] proctype loss_edge() {
	byte n, failed;
	bool before, over;
	do
	:: ready_list = ready_list & ~me;
		over = destroyed;
		if
		:: bl_lost || bl_unfolded -> bufflink_get_loss()
		:: else
		fi;
		if
		:: over -> break
		:: else -> ready_list & me
		fi
	od
}

/* One that polls for PRI. */
active [LOSS_LEVELS] proctype loss_level() {
	byte n, failed;
	bool before;
	do
#ifdef LATE_JOIN
	:: bl_lost || bl_unfolded -> bufflink_get_loss()
	:: !bl_lost && !bl_unfolded && destroyed -> break
	:: else -> asleep = asleep | me; !(asleep & me)
#else
	:: asleep = asleep | me;				/* B4 */
		if
		:: bl_lost || bl_unfolded ->
			asleep = asleep & ~me; bufflink_get_loss()
		:: !bl_lost && !bl_unfolded && destroyed -> break
		:: else -> !(asleep & me)
		fi
#endif
	od;
	asleep = asleep & ~me
}

/* An exclusive waiter for room, if it has joined data_wait, too. */
active [STRANGERS] proctype stranger() {
	joined++;
	do
	:: destroyed -> break
	:: else -> asleep = asleep | me; !(asleep & me)
	od;
	atomic { asleep = asleep & ~me; joined-- }
}

/* An exclusive waiter: when it is woken, it may do something else for ever. */
active [EXCLUSIVE] proctype exclusive() {
	byte n;
	bool ready, before, locked;
	atomic { joined++ };
	do
	:: atomic { ready_list = ready_list & ~me; ready = false };
		bufflink_poll(false);
		if
		:: ready && destroyed -> break
		:: ready && !destroyed -> bufflink_read(true)
		:: !ready ->
			asleep = asleep | (me & ~ready_list);
			!(asleep & me);
			if
			:: true
			:: true -> break
			fi
		fi
	od;
	if
	:: joined--	/* it closed its epoll; or not */
	:: true
	fi
}

/*
 * Enables O_ASYNC; then makes one read a signal for data, which may be a short
 * one, and one GETLOSS a signal for a loss.
 */
active [SIGNALS] proctype signal_watcher() {
	byte n, failed;
	bool before, over, locked;
	fasync = true;
	bufflink_arm();
#ifndef NO_LOSS_LOOK
	if
	:: bl_lost || bl_unfolded -> bufflink_queue_loss_wakeup()	/* B4 */
	:: else
	fi;
#endif
	signal_in = true;
	do
	:: atomic { signal_in -> signal_in = false };
		over = destroyed;				/* B5 */
		bufflink_read(true);
		if :: over -> break :: else fi
#if MISSES
	:: atomic { signal_pri -> signal_pri = false };
		bufflink_get_loss()
#endif
	od
}

/*
 * Writes a record of one or two bytes, and waits for room, in write() or in poll(),
 * which remembers the refused write.
 */
#define WRITER		(_pid - CLIENTS - WAITERS - SIGNALS)
#define MINE		(1 << WRITER)
#define NEEDS		(1 + WRITER)
#ifdef FORGET_REFUSED
#define ENOUGH		1
#else
#define ENOUGH		NEEDS
#endif
active [WRITERS] proctype writer() {
	byte n, i;
	bool slow, before;
	do
	:: i == APPENDS || destroyed -> break
	:: else ->
		bufflink_lock();
		if
		:: SIZE - used >= NEEDS ->
			slow = bl_armed;
			bufflink_commit(NEEDS);
			atomic { lock = false; i++; slow = false }
		:: else ->
			lock = false;
#ifdef LATE_JOIN
			if
			:: SIZE - used >= ENOUGH || destroyed
			:: else ->
				room_asleep = room_asleep | MINE;
				!(room_asleep & MINE)
			fi
#else
			room_asleep = room_asleep | MINE;		/* B4 */
			if
			:: SIZE - used >= ENOUGH || destroyed
			:: else -> !(room_asleep & MINE)
			fi;
			room_asleep = room_asleep & ~MINE
#endif
		fi
	od
}

/* wake_up() of data_wait: all, but of exclusive waiters only one. */
hidden byte one;

inline wake_up() {
	d_step {
		one = asleep & ALL(STRANGER, WAITERS);
		one = one & ~(one - 1);			/* the first of them */
		untold = untold && !(one & ALL(EXCL, WAITERS));
		ready_list = ready_list | ALL(EDGE, LOSS_LEVEL) |
			(ALL(EXCL, WAITERS) & (one - 1));
		asleep = asleep & ALL(STRANGER, WAITERS) & ~one;
		one = 0
	}
}

/* For exclusive waiters it arms again, before it wakes one of them. */
inline bufflink_wake_readers() {
	if
	:: waitqueue_active || fasync ->
		exclusives = joined > 1;	/* bufflink_has_two_exclusive() */
		bufflink_lock();
		atomic {
			assert(!COUNTED || sleeps);
			sleeps = (COUNTED -> sleeps - 1 : 0);
#ifndef NO_REARM
#ifndef LATE_REARM
			bl_armed = bl_armed || exclusives;
#endif
#endif
			lock = false
		};
		wake_up();
#ifdef LATE_REARM
		atomic { !lock -> bl_armed = bl_armed || exclusives };
#endif
#if SIGNALS
		signal_in = signal_in || fasync && used;
		atomic {
			signal_pri = signal_pri || fasync && bl_signal &&
				(bl_lost || bl_unfolded);
			bl_signal = false
		};
#endif
		exclusives = false
	:: else
	fi
}

active proctype bufflink_irq_now() {
	byte n;
	bool before, exclusives;
end:	do
	:: atomic { irq_now && IRQ_NOW_RUNS -> irq_now = false };
		bufflink_wake_readers()
	od
}

active [TICK] proctype bufflink_irq_tick() {
	byte n;
	bool before, exclusives, wake;
end:	do
	:: atomic { irq_tick && IRQ_TICK_RUNS -> irq_tick = false };
#ifndef LATE_LAZY
		bl_lazy = false;
#endif
#ifdef TICK_UNLOCKED
		wake = used;
		atomic { wake = wake && bl_armed; bl_armed = bl_armed && !wake };
#else
		bufflink_lock();
		atomic {
			wake = used && bl_armed; bl_armed = bl_armed && !wake;
			lock = false
		};
#endif
		if :: wake -> wake = false; bufflink_wake_readers() :: else fi;
#ifdef LATE_LAZY
		bl_lazy = false
#endif
	od
}

/* Lowers the watermark. */
active [LOWER] proctype bufflink_set_watermark() {
	byte n;
	bool before;
	watermark = 1;
#ifndef QUIET_WATERMARK
	bufflink_arm_or_wake()
#endif
}

/*
 * The CPU goes off. Work that is pending on it runs before it is FLUSHED; from then
 * on it may still append, but runs nothing. Maybe it comes back.
 */
active [HOTPLUG] proctype hotplug() {
	byte n;
	bool before, exclusives;
	atomic { !appending -> cpu = INACTIVE };
#ifndef NO_CPU_OFFLINE
	!(irq_tick && tick_here);		/* bufflink_cpu_offline() */
#endif
	atomic { !appending -> cpu = OFFLINE };
#ifndef PARKED
	atomic { !appending && !(irq_now && now_here) -> cpu = FLUSHED };
#endif
	atomic { !appending -> cpu = DEAD };
#ifndef NO_CPU_DEAD
	bufflink_wake_readers();			/* bufflink_cpu_dead() */
#endif
	if
	:: true
	:: cpu = STARTING; cpu = ONLINE
	fi
}

/* When the clients have stopped; unless EARLY, when nothing moves any more */
active proctype bufflink_destroy() {
	byte n;
	bool before;
	stopped == CLIENTS;
#if !EARLY
	timeout;
	/* Processes that read again as long as bytes wait. */
	assert(!used || !(asleep & ALL(READER, EDGE)) && !SIGNALS);
	/* Processes that are to be told of each append. */
	assert(!used || !untold || !(asleep & ALL(EXCL, WAITERS)) && !EDGES);
	/* Writers of one byte, and of two. */
	assert(!(room_asleep & 1) || SIZE - used < 1);
	assert(!(room_asleep & 2) || SIZE - used < 2);
	assert(!WATCHED || reported == losses);
#endif
	bufflink_lock();
	atomic { destroyed = true; lock = false };
#ifndef NO_WAKE
	d_step { asleep = 0; ready_list = ALL(EDGE, WAITERS) };
	room_asleep = 0;
	d_step { signal_in = true; signal_pri = true };
#endif
	/* irq_work_sync() */
	!irq_now && (!irq_tick || !TICK)
}

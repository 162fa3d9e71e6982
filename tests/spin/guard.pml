/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol between readers, the writer and hardware, for spin: src/addrspace.h in a form that a
 * checker explores completely. run.sh says at which sizes, and which mistakes it must find.
 *
 * The space is as small as one can be that still has everything: two pages under one table under one
 * root entry, two copies of the regions, FRAMES frames that run out.
 *
 *   process   is                                      in the code
 *   Cpu       a fault and a guest access after it     ax_addrspace_fault(), ax_guest_write()
 *   Device    a device model with a window            src/guest_window.c
 *   Writer    map, unmap, protect, clear              src/addrspace.c; the lock makes them one
 *   Hw        the table walker of a vCPU, with a      (tests/hypervisor runs on real ones)
 *             walk cache and a TLB entry
 *
 * Each step that other CPUs can tell apart is a statement of its own; what is in a d_step is private
 * to the process or is one atomic access together with the ghost state that judges it. A comment in
 * brackets names the C function that a step is.
 *
 * The accesses are sequentially consistent but where the code needs a full fence, from a store to a
 * later load: there BREAK_FENCE and BREAK_WRITER_FENCE show what happens without. Everything else is
 * release and acquire on one word.
 *
 * What must hold, by assertions:
 *
 *   no lost frame     between two changes every frame that is no longer free or spare is reachable
 *   no double frame   a page keeps the frame that backs it until it is unmapped
 *   no use after free whatever a reader, hardware or a device touches is the table, or the memory of
 *                     the page, that it took it for
 *   no stale access   nobody uses a permission that a change which has returned took away
 *   sound regions     nobody reads a copy that is being changed
 *   progress          (as no non-progress cycle, with fairness) a writer that waits gets on, however often readers come back
 */

#ifndef CPUS
#define CPUS 2
#endif
#ifndef DEVICES
#define DEVICES 0
#endif
#ifndef FRAMES
#define FRAMES 4
#endif
#define PAGES 2
#ifndef HARDWARE
#define HARDWARE 1
#endif

/* What the writer changes. ONE_PAGE: the other one is never mapped. PAGE_BY_PAGE: never both at once. */
#ifdef ONE_PAGE
#define ANY_RANGE first = 0; last = 0
#define OTHER_PAGE false
#elif defined(PAGE_BY_PAGE)
#define ANY_RANGE if :: first = 0; last = 0 :: first = 1; last = 1 fi
#define OTHER_PAGE true
#else
#define ANY_RANGE if :: first = 0; last = 0 :: first = 1; last = 1 :: first = 0; last = 1 fi
#define OTHER_PAGE true
#endif

/* PROTECT: regions differ in permission and change it; else all may be written. */
#ifdef PROTECT
#define ANY_FLAGS if :: flags = 1 :: flags = 2 fi
#define ANY_WRITE if :: write = 0 :: write = 1 fi
#else
#define ANY_FLAGS flags = 2
#define ANY_WRITE write = 1
#endif

#define READERS (CPUS + DEVICES)
#define NONE    255

/* ---- the table */

/* An entry: 0, or what it leads to, whether it may be written, and whether it is dead or broken, which
 * hardware does not see. Software takes a broken leaf for mapped. [npt_format.h, ax_npt_live()] */
#define LEAF(frame, write) (16 + (frame) * 2 + (write))
#define LINK(frame)        (32 + (frame) * 2)
#define DEAD               64
#define BROKEN             128
#define FRAME_OF(entry)    (((entry) & 15) / 2)
#define WRITABLE(entry)    ((entry) & 1)
#define IS_LEAF(entry)     (((entry) & (16 | DEAD | BROKEN)) == 16)
#ifdef BREAK_BROKEN_IS_NOT_MAPPED
#define IS_LIVE(entry)     IS_LEAF(entry)
#else
#define IS_LIVE(entry)     (((entry) & (16 | DEAD)) == 16)
#endif
#define IS_LINK(entry)     (((entry) & (32 | DEAD)) == 32)
#define IS_DEAD(entry)     (((entry) & DEAD) != 0)

byte root;
byte entries[(FRAMES + 1) * PAGES];
#define ENTRY(table, page) entries[(table) * PAGES + (page)]

/* ---- frames: the port's allocator */

#define FREE  0
#define SPARE 1
#define TABLE 2
#define PAGE  3

byte use[FRAMES + 1]; /* of frames 1 to FRAMES; 0 is no frame */

#define FREE_FRAME (use[1] == FREE -> 1 : (use[2] == FREE -> 2 : (use[3] == FREE -> 3 : \
		   (use[FRAMES] == FREE -> FRAMES : 0))))

/* 0 in frame: out of memory. A new table is zeroed. [ax_memory_alloc_frame(), memset()] */
inline get_frame(frame)
{
	d_step {
		frame = FREE_FRAME;
		if
		:: frame -> use[frame] = SPARE; ENTRY(frame, 0) = 0; ENTRY(frame, 1) = 0;
		:: else
		fi
	}
}

/* [ax_memory_dealloc_frame()] */
inline put_frame(frame)
{
	assert(use[frame] != FREE);
	use[frame] = FREE;
}

/* ---- regions: 0 none, 1 may be read, 2 may be written */

byte regions[2 * PAGES];
bit published; /* the copy that readers use: as->active */
byte changing = NONE; /* ghost: the copy that is being changed */
#define REGION(copy, page) regions[(copy) * PAGES + (page)]

/* ---- the guard */

bit inside[READERS];  /* the slot's number is odd */
bit awaited[READERS]; /* the writer saw it odd, and it is the same number still */
#ifdef BREAK_FENCE
bit entering[READERS]; /* the store that makes it odd is under way */
#endif

/* [ax_guard_enter_shared(): compare-and-swap, then ax_cpu_fence_after_rmw()] */
inline enter()
{
#ifdef BREAK_FENCE
	entering[me] = 1;
#else
	inside[me] = 1;
#endif
}

/* [ax_guard_leave()] The number differs from now on from what anybody saw. */
inline leave()
{
	d_step {
#ifdef BREAK_FENCE
		entering[me] = 0;
#endif
		inside[me] = 0;
#ifndef BREAK_WAIT_FOR_EVEN
		awaited[me] = 0;
#endif
	}
}

/* ---- windows of devices: whether the number of the space is still the one that was read */

bit current[DEVICES + 1];

/* ---- the table that a reader's line remembers, for page 0; only with REMEMBER */

#ifdef REMEMBER
byte hit[CPUS]; /* 0: none, or the version of the regions that it was found in is no longer the published one */
#define HIT(page) ((page) == 0 -> hit[me] : 0)
#else
#define HIT(page) 0
#endif

/* ---- hardware */

byte walk_cache;      /* a table, or 0 */
byte tlb_page = NONE; /* a page and the leaf that maps it */
byte tlb_leaf;

/* ---- ghosts */

byte backed[PAGES]; /* the frame that backs a page */
byte may[PAGES];    /* the most that anybody may do to it now, as a region says it */

#define TOUCH(frame, page, write) \
	assert(use[frame] == PAGE && backed[page] == (frame) && may[page] > (write))

/* ---- readers */

/* [remember_table()] With the version that the region was found in: of no use when another one is published by now,
 * and a reader is inside for one change of it at most. */
inline remember(page, copy, table)
{
#ifdef REMEMBER
	d_step {
		if
		:: page == 0 && copy == published -> hit[me] = table;
		:: else
		fi
	}
#else
	skip
#endif
}

/* The version changes: what was remembered under the one before does not count any more. */
inline forget_hits()
{
#if defined(REMEMBER) && !defined(BREAK_HIT_OUTLIVES_VERSION)
	hit[0] = 0;
	hit[CPUS - 1] = 0;
#else
	skip
#endif
}

/*
 * The leaf that maps the page, at or below the region's permission; 0 in leaf when there is none yet,
 * with the table in table, or none. [ax_npt_walk(), ax_npt_reach(): one load for each level. A
 * reader that finds its last table in its line, ax_addrspace_hits_table(), has walked to it under the same version]
 */
inline walk(page, table, leaf)
{
	d_step {
		leaf = root;
		table = (IS_LINK(leaf) -> FRAME_OF(leaf) : 0);
	}
	if
	:: table ->
		d_step {
			assert(use[table] == TABLE);
			leaf = ENTRY(table, page);
		}
	:: else
	fi;
}

/* The region, of the copy that is active when it is looked up. [ax_addrspace_regions(), find] */
inline find_region(page, copy, region)
{
	copy = published;
	d_step {
		assert(changing != copy);
		region = REGION(copy, page);
		copy = 0;
	}
}

#ifdef BREAK_FAULT_BY_STORE
#define FREE_SLOT(entry) true
#else
#define FREE_SLOT(entry) ((entry) == 0)
#endif

proctype Cpu(byte me)
{
	byte page, region, leaf, table, spare_page, spare_table;
	bit write, copy;

idle:
	atomic {
		/* The first CPU keeps to a page: two on one page, and on two, are the cases. */
		if
		:: page = 0
		:: OTHER_PAGE && me != 0 -> page = 1
		fi;
		ANY_WRITE;
		enter();
	}
	if
#if CPUS < 2
	:: goto look /* [ax_addrspace_translate(): the table alone] */
#endif
	:: true
	fi;
#ifdef REMEMBER
	/* [ax_addrspace_hits(), ax_addrspace_hits_table()] The load of the version also says whether the hit counts. */
	d_step { copy = published; table = HIT(page); }
	d_step {
		assert(changing != copy);
		region = REGION(copy, page);
	}
#else
	find_region(page, copy, region);
#endif
	if
	:: region <= write -> goto out /* no region, or denied [check_access()] */
	:: else
	fi;
#ifdef REMEMBER
	if
	:: table != 0 -> /* [ax_addrspace_hit_slot()] */
		d_step {
			assert(use[table] == TABLE);
			leaf = ENTRY(table, page);
		}
		goto found
	:: else
	fi;
#endif

again:
	walk(page, table, leaf);
#ifdef REMEMBER
	if
	:: table != 0 -> remember(page, copy, table)
	:: else
	fi;
found:
#endif
	if
	:: leaf == 0 -> skip
	:: IS_LIVE(leaf) -> goto touch
	:: else -> assert(false) /* a page with a region looks unmapped */
	fi;

	/* [gather_spare(), serve_owned(); no other CPU can tell the two apart but by what is left] */
	d_step {
		get_frame(spare_page);
		if
		:: spare_page != 0 && table == 0 -> get_frame(spare_table);
		:: else
		fi
	}
	if
	:: spare_page == 0 || (table == 0 && spare_table == 0) -> goto out
	:: else
	fi;

	/* [ax_npt_install(), serve_owned(): the branch is private until one compare-and-swap from zero] */
	leaf = LEAF(spare_page, region - 1);
	if
	:: d_step {
		(table == 0 && FREE_SLOT(root)) ->
		ENTRY(spare_table, page) = leaf;
		root = LINK(spare_table);
		use[spare_table] = TABLE;
		assert(backed[page] == 0);
		backed[page] = spare_page;
		use[spare_page] = PAGE;
		spare_table = 0;
		spare_page = 0;
		}
	:: d_step {
		(table != 0 && FREE_SLOT(ENTRY(table, page))) ->
		assert(use[table] == TABLE);
		ENTRY(table, page) = leaf;
		assert(backed[page] == 0);
		backed[page] = spare_page;
		use[spare_page] = PAGE;
		spare_page = 0;
		}
	:: else -> goto again /* somebody was faster */
	fi;

touch:
	TOUCH(FRAME_OF(leaf), page, write);
	goto out;

look:
	walk(page, table, leaf);

out:
	atomic {
		/* [free_spare()] */
#ifdef BREAK_SPARE_IS_LOST
		if :: spare_table -> use[spare_table] = TABLE; :: else fi;
		if :: spare_page -> use[spare_page] = PAGE; :: else fi;
#else
		if :: spare_table -> put_frame(spare_table); :: else fi;
		if :: spare_page -> put_frame(spare_page); :: else fi;
#endif
		spare_table = 0;
		spare_page = 0;
		table = 0;
		leaf = 0;
		region = 0;
		copy = 0;
	}
	atomic {
		leave();
		page = 0;
		write = 0;
	}
	goto idle
}

/*
 * A window on a page, opened for writing: the address that it gave is used as long as the number is
 * the one that was read before the address was found. [ax_guest_window_open(), _enter(), _leave()]
 */
proctype Device(byte me)
{
	byte page, region, leaf, table, frame;
	bit copy;

open:
	current[me - CPUS] = 1;
	enter();
	find_region(page, copy, region);
	if
	:: region <= 1 -> goto none
	:: else
	fi;
	walk(page, table, leaf);
	if
	:: IS_LEAF(leaf) -> frame = FRAME_OF(leaf)
	:: else -> skip
	fi;
none:
	atomic { table = 0; leaf = 0; region = 0; }
	leave();
	do
	:: frame == 0 -> break
	:: frame != 0 ->
#ifndef BREAK_NO_SECTION
		enter();
#endif
		if
		:: current[me - CPUS] -> TOUCH(frame, page, 1);
		:: else -> frame = 0
		fi;
#ifndef BREAK_NO_SECTION
		leave();
#endif
	:: frame = 0
	od;
	goto open
}

#ifdef BREAK_FENCE
/* The store buffers of two readers. */
proctype Buffers()
{
	do
	:: d_step { entering[0] -> inside[0] = 1; entering[0] = 0; }
	:: d_step { entering[READERS - 1] -> inside[READERS - 1] = 1; entering[READERS - 1] = 0; }
	od
}
#endif

/* ---- hardware: looks at any time, remembers as long as it likes */

proctype Hw()
{
	do
	:: d_step { IS_LINK(root) && walk_cache == 0 -> walk_cache = FRAME_OF(root); }
	:: d_step {
		walk_cache ->
		assert(use[walk_cache] == TABLE);
		if
		:: IS_LEAF(ENTRY(walk_cache, 0)) ->
			tlb_page = 0;
			tlb_leaf = ENTRY(walk_cache, 0);
		:: else
		fi;
		}
	:: d_step {
		tlb_leaf ->
		TOUCH(FRAME_OF(tlb_leaf), tlb_page, WRITABLE(tlb_leaf));
		}
	od
}

/* ---- the writer */

/* [change_apply()]: not at once. */
inline change_copy(copy)
{
	changing = copy;
	d_step {
		if
		:: first == 0 -> REGION(copy, 0) = flags;
		:: else
		fi;
		if
		:: last == 1 -> REGION(copy, 1) = flags;
		:: else
		fi;
		changing = NONE;
	}
}

/* [ax_guard_wait_readers()] */
inline wait_readers()
{
	reader = 0;
	do
	:: reader < READERS ->
		awaited[reader] = inside[reader];
#ifndef BREAK_WAIT_FOR_EVEN
		awaited[reader] == 0;
#else
		inside[reader] == 0;
#endif
		reader++;
	:: else -> break
	od;
	reader = 0;
}

/* A device's windows are no longer what they were. */
inline new_number()
{
	d_step { current[0] = 0; current[DEVICES] = 0; }
}

/* [change_publish()] */
inline publish(takes_away)
{
#ifdef BREAK_NUMBER_FIRST
	if
	:: takes_away -> new_number();
	:: else
	fi;
#endif
#ifdef BREAK_ONE_COPY
	change_copy(published);
#else
	change_copy(1 - published);
#endif
#ifdef BREAK_WRITER_FENCE
	/* The loads of the slots overtake the store that publishes. */
	wait_readers();
#endif
#ifndef BREAK_ONE_COPY
	d_step { published = 1 - published; forget_hits(); }
#endif
#ifndef BREAK_NUMBER_FIRST
	if
	:: takes_away -> new_number();
	:: else
	fi;
#endif
#if !defined(BREAK_WRITER_FENCE) && !defined(BREAK_NO_WAIT_1)
	wait_readers();
#endif
}

/* [change_finish()] */
inline finish()
{
#ifdef BREAK_ONE_COPY
	skip;
#else
	change_copy(1 - published);
#endif
}

#define NEEDED(table) \
	(REGION(published, 0) != 0 || REGION(published, 1) != 0)
#ifdef BREAK_NEED_BY_ENTRIES
#undef NEEDED
#define NEEDED(table) \
	((ENTRY(table, 0) != 0 && first != 0) || (ENTRY(table, 1) != 0 && last != 1))
#endif

/* [ax_npt_kill(): a table that no region needs by its parent entry alone] */
inline kill()
{
	d_step { table = FRAME_OF(root); }
	if
	:: table == 0 -> skip
	:: d_step { table != 0 && !NEEDED(table) -> root = root | DEAD; }
	:: else ->
		d_step {
			if
			:: first == 0 && ENTRY(table, 0) != 0 -> ENTRY(table, 0) = ENTRY(table, 0) | DEAD;
			:: else
			fi
		}
		d_step {
			if
			:: last == 1 && ENTRY(table, 1) != 0 -> ENTRY(table, 1) = ENTRY(table, 1) | DEAD;
			:: else
			fi
		}
	fi
}

/* [ax_tlb_flush()] */
inline flush()
{
#ifdef BREAK_NO_FLUSH
	skip;
#else
	d_step {
		if
		:: IS_DEAD(root) || (tlb_page >= first && tlb_page <= last) ->
			tlb_page = NONE;
			tlb_leaf = 0;
		:: else
		fi;
#ifndef BREAK_FLUSH_LEAVES_ONLY
		if
		:: IS_DEAD(root) -> walk_cache = 0;
		:: else
		fi;
#endif
	}
#endif
}

/* Free what a dead entry leads to. [free_leaf()] */
inline free_page(table, page)
{
	d_step {
		if
		:: ENTRY(table, page) ->
			assert(REGION(published, page) == 0);
			put_frame(FRAME_OF(ENTRY(table, page)));
			ENTRY(table, page) = 0;
			backed[page] = 0;
		:: else
		fi
	}
}

/* [ax_npt_sweep(), free_subtree()] */
inline sweep()
{
	if
	:: d_step { IS_DEAD(root) -> table = FRAME_OF(root); root = 0; }
		free_page(table, 0);
		free_page(table, 1);
		d_step { put_frame(table); }
	:: d_step { root != 0 && !IS_DEAD(root) -> table = FRAME_OF(root); }
		if
		:: IS_DEAD(ENTRY(table, 0)) -> free_page(table, 0)
		:: else
		fi;
		if
		:: IS_DEAD(ENTRY(table, 1)) -> free_page(table, 1)
		:: else
		fi
	:: else
	fi
}

/* [unmap_locked()] */
inline unmap()
{
	flags = 0;
	publish(1);
	kill();
#ifdef BREAK_FREE_BEFORE_FLUSH
	wait_readers();
	sweep();
	flush();
#else
	flush();
#ifndef BREAK_NO_WAIT_2
	wait_readers();
#endif
	sweep();
#endif
	finish();
}

/* [protect_leaf()]: present leaves alone; left broken where the memory type changes. */
inline rewrite(page)
{
	d_step {
		if
		:: first <= page && page <= last && root != 0 &&
		   IS_LEAF(ENTRY(FRAME_OF(root), page)) ->
			ENTRY(FRAME_OF(root), page) =
				LEAF(FRAME_OF(ENTRY(FRAME_OF(root), page)), flags - 1) | broken;
		:: else
		fi
	}
}

/* [ax_npt_reveal()] Break-before-make: nobody remembers the old leaf when the new one is made. */
inline reveal(page)
{
	d_step {
		if
		:: first <= page && page <= last && root != 0 &&
		   (ENTRY(FRAME_OF(root), page) & BROKEN) ->
			assert(tlb_page != page);
			ENTRY(FRAME_OF(root), page) = ENTRY(FRAME_OF(root), page) - BROKEN;
		:: else
		fi
	}
}

/* [protect_locked()] */
inline protect()
{
	if
	:: broken = 0
	:: broken = BROKEN
	fi;
	publish(1);
	rewrite(0);
	rewrite(1);
#ifdef BREAK_MAKE_BEFORE_FLUSH
	reveal(0);
	reveal(1);
	flush();
#else
	flush();
	reveal(0);
	reveal(1);
#endif
	broken = 0;
	finish();
}

/*
 * Enter a page before its region is published, in a table that a neighbour's fault may link at the
 * same moment. [ax_npt_enter(), link_table()]
 */
inline enter_page()
{
	d_step { get_frame(frame); }
	if
	:: frame == 0 -> flags = 0
	:: else ->
		if
		:: root == 0 ->
			d_step { get_frame(table); }
			if
			:: table == 0 -> skip
			:: else ->
#ifdef BREAK_LINK_BY_STORE
				d_step { use[table] = TABLE; root = LINK(table); }
#else
				if
				:: d_step { root == 0 -> use[table] = TABLE; root = LINK(table); }
				:: else -> d_step { put_frame(table); }
				fi
#endif
			fi
		:: else
		fi;
		if
		:: root == 0 -> /* no memory for it */
			d_step { put_frame(frame); flags = 0; }
		:: else ->
			d_step {
				table = FRAME_OF(root);
				assert(ENTRY(table, first) == 0 && backed[first] == 0);
				ENTRY(table, first) = LEAF(frame, flags - 1);
				use[frame] = PAGE;
				backed[first] = frame;
			}
		fi
	fi;
	d_step { frame = 0; table = 0; }
}

#define ENTERED            \
	use[frame] = PAGE; \
	backed[first] = frame

/*
 * The same with memory of the space's own, or nothing. Where the table is missing, one is built aside with the
 * leaf in it. When nothing can fail any more it is grafted, or its leaf moved to the one that a fault has linked.
 * [ax_npt_populate(): make_table(), stage_frames(), link_grafts(), merge()]
 */
inline populate_page()
{
	if
	:: root == 0 ->
		d_step { get_frame(table); }
		if
		:: table == 0 -> flags = 0
		:: else
		fi
	:: else
	fi;
	if
	:: flags != 0 -> d_step { get_frame(frame); }
	:: else
	fi;
	if
	:: frame == 0 -> /* [undo()] */
		d_step {
			flags = 0;
			if
			:: table != 0 -> put_frame(table)
			:: else
			fi
		}
	:: frame != 0 && table != 0 ->
		d_step { ENTRY(table, first) = LEAF(frame, flags - 1); }
#ifdef BREAK_GRAFT_BY_STORE
		d_step { use[table] = TABLE; root = LINK(table); ENTERED; }
#else
		if
		:: d_step { root == 0 -> use[table] = TABLE; root = LINK(table); ENTERED; }
		:: else ->
			d_step { put_frame(table); table = FRAME_OF(root); }
			d_step {
				assert(ENTRY(table, first) == 0 && backed[first] == 0);
				ENTRY(table, first) = LEAF(frame, flags - 1);
				ENTERED;
			}
		fi
#endif
	:: else ->
		d_step {
			table = FRAME_OF(root);
			assert(ENTRY(table, first) == 0 && backed[first] == 0);
			ENTRY(table, first) = LEAF(frame, flags - 1);
			ENTERED;
		}
	fi;
	d_step { frame = 0; table = 0; }
}

#define REACHED(frame) \
	(root == LINK(frame) || \
	 (root != 0 && (FRAME_OF(ENTRY(FRAME_OF(root), 0)) == (frame) || \
			FRAME_OF(ENTRY(FRAME_OF(root), 1)) == (frame))))
#define ACCOUNTED(frame) assert(use[frame] < TABLE || REACHED(frame))

proctype Writer()
{
	byte first, last, flags, reader, table, frame, broken;

	do
	:: atomic {
		ANY_RANGE;
		ANY_FLAGS;
		}
		if
		:: REGION(published, first) == 0 && REGION(published, last) == 0 -> /* map, lazily or now */
			d_step {
				may[first] = flags;
				may[last] = flags;
			}
			if
			:: first == last -> enter_page()
			:: first == last -> populate_page()
			:: true
			fi;
			publish(0);
			finish();
		:: REGION(published, first) != 0 || REGION(published, last) != 0 ->
			unmap();
#ifdef PROTECT
		:: REGION(published, first) != 0 && REGION(published, last) != 0 ->
			d_step {
				may[first] = (may[first] > flags -> may[first] : flags);
				may[last] = (may[last] > flags -> may[last] : flags);
			}
			protect();
#endif
		fi;
		d_step {
			/* The change returns: what it took away is gone. */
			may[first] = flags;
			may[last] = flags;
			ACCOUNTED(1);
			ACCOUNTED(2);
			ACCOUNTED(3);
			ACCOUNTED(FRAMES);
			first = 0;
			last = 0;
			flags = 0;
			table = 0;
		}
progress:
		skip
	od
}

init {
	atomic {
		run Writer();
#if CPUS > 0
		run Cpu(0);
#endif
#if CPUS > 1
		run Cpu(1);
#endif
#if DEVICES == 1
		run Device(CPUS);
#endif
#ifdef BREAK_FENCE
		run Buffers();
#endif
#if HARDWARE
		run Hw();
#endif
	}
}

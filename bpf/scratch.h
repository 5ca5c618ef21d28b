/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Room to build structures in that are put together of small fields. On its own stack a program without CAP_PERFMON may write
 * no such field beside one of which Linux 6.1 to 6.7 know the value ("attempt to corrupt spilled pointer").
 */
#ifndef QUICEDGE_SCRATCH_H
#define QUICEDGE_SCRATCH_H

#include "maps.h"

/* It is this CPU's until the program ends; what it holds is left from the last time. */
static __always_inline void *scratch_room(void)
{
	return element_of(&scratch, 0);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the path to a class carries. */
#ifndef QUICEDGE_PROFILE_H
#define QUICEDGE_PROFILE_H

#include "maps.h"

/* MTU of a class in bytes, 0 where it has none. One 16-bit load: it cannot be torn. */
static __always_inline __u32 class_mtu(__u32 class)
{
	struct path_profile *profile = element_of(&profiles, class);

	return profile ? *(volatile __u16 *)&profile->mtu : 0;
}

#endif

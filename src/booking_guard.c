/*-------------------------------------------------------------------------
 *
 * booking_guard.c
 *	  Module entry.
 *
 * booking_guard promises that each upcoming, active booking still has its
 * service.  See guard.h for the parts and service.c for the argument.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "guard.h"

PG_MODULE_MAGIC;

/*
 * _PG_init
 *
 * Called when the library is loaded.
 */
void
_PG_init(void)
{
	enforce_define_settings();
}

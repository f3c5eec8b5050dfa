/*
 * A trigger that does nothing: the least that any trigger AFTER each row
 * costs.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(noop);

Datum
noop(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(NULL);
}

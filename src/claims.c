/*-------------------------------------------------------------------------
 *
 * claims.c
 *	  Is this row a claim; count a service's claims.
 *
 * A claim is a booking that is active and upcoming and points at a service.
 * What that means is decided here, in C, once: the booking side asks it of
 * the row that fired the trigger, the service side of each row that a query
 * brings.  The query's own conditions only narrow down which rows are worth
 * asking about, so that an index can serve them; they may let through too
 * many rows, never too few.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rangetypes.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "compat.h"
#include "guard.h"

/* Columns of a candidate query: what decides, then whatever else is asked. */
static const ClaimColumns candidate_columns = {1, 2, 3};

#define FIRST_EXTRA_COLUMN	4

/* State of claims_list(). */
typedef struct ClaimListing
{
	Guard	   *guard;
	ClaimListCallback callback;
	void	   *arg;
} ClaimListing;


/*
 * claims_has_key
 *
 * Whether a row of the table that carries the guard's trigger has a complete
 * key.  As in MATCH SIMPLE, a NULL in any column points at nothing.
 */
bool
claims_has_key(Guard *guard, TupleTableSlot *slot)
{
	for (int i = 0; i < guard->nkeys; i++)
	{
		if (slot_attisnull(slot, guard->key[i].attnum))
			return false;
	}
	return true;
}

/*
 * claims_key_values
 *
 * A row's key, as the parameters of a query.  The row is of the table that
 * carries the guard's trigger.
 */
void
claims_key_values(Guard *guard, TupleTableSlot *slot, KeyValues *key)
{
	key->n = guard->nkeys;
	for (int i = 0; i < guard->nkeys; i++)
		key->value[i] = slot_getattr(slot, guard->key[i].attnum,
									 &key->isnull[i]);
}

/*
 * Whether two versions of a row have the same value in a column, bit for bit.
 */
static bool
same_image(TupleTableSlot *a, TupleTableSlot *b, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(a->tts_tupleDescriptor, attnum - 1);
	bool		a_isnull;
	bool		b_isnull;
	Datum		a_value = slot_getattr(a, attnum, &a_isnull);
	Datum		b_value = slot_getattr(b, attnum, &b_isnull);

	if (a_isnull || b_isnull)
		return a_isnull && b_isnull;
	return datum_image_eq(a_value, b_value, att->attbyval, att->attlen);
}

/*
 * claims_same_key
 *
 * Whether two versions of a row have the same key, bit for bit.  Keys that
 * are equal but look different (1.0 and 1.00) count as different here, which
 * costs a lock or a count and loses nothing.
 */
bool
claims_same_key(Guard *guard, TupleTableSlot *a, TupleTableSlot *b)
{
	for (int i = 0; i < guard->nkeys; i++)
	{
		if (!same_image(a, b, guard->key[i].attnum))
			return false;
	}
	return true;
}

/*
 * claims_unchanged
 *
 * Whether two versions of a booking are the same as far as the guard is
 * concerned: whatever the one was, so is the other.
 */
bool
claims_unchanged(Guard *guard, TupleTableSlot *a, TupleTableSlot *b)
{
	const ClaimColumns *columns = &guard->columns;

	return claims_same_key(guard, a, b) &&
		(columns->status == 0 || same_image(a, b, columns->status)) &&
		(columns->inactive == 0 || same_image(a, b, columns->inactive)) &&
		(columns->time == 0 || same_image(a, b, columns->time));
}

/*
 * claims_equal_key
 *
 * Whether two versions of a booking have equal keys, as a foreign key on it
 * would have it: by the equality of each column's type.
 */
bool
claims_equal_key(Guard *guard, TupleTableSlot *a, TupleTableSlot *b)
{
	for (int i = 0; i < guard->nkeys; i++)
	{
		AttrNumber	attnum = guard->key[i].attnum;
		TypeCacheEntry *typcache = lookup_type_cache(guard->key[i].booking_type,
													 TYPECACHE_EQ_OPR_FINFO);
		Oid			collation = TupleDescAttr(a->tts_tupleDescriptor,
											  attnum - 1)->attcollation;
		bool		a_isnull;
		bool		b_isnull;
		Datum		a_value = slot_getattr(a, attnum, &a_isnull);
		Datum		b_value = slot_getattr(b, attnum, &b_isnull);

		if (a_isnull != b_isnull)
			return false;
		if (!a_isnull && OidIsValid(typcache->eq_opr) &&
			!DatumGetBool(FunctionCall2Coll(&typcache->eq_opr_finfo,
											collation, a_value, b_value)))
			return false;
	}
	return true;
}

/*
 * claims_was_moved
 *
 * Whether a row that was deleted was so to be moved to another partition.
 */
bool
claims_was_moved(TupleTableSlot *slot)
{
	HeapTuple	tuple;
	bool		should_free;
	bool		moved;

	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	moved = HeapTupleHeaderIndicatesMovedPartitions(tuple->t_data);
	if (should_free)
		heap_freetuple(tuple);
	return moved;
}

/*
 * Whether two statuses are the same, by the column's own equality and
 * collation.
 */
static bool
is_same_status(Guard *guard, Datum a, Datum b)
{
	return DatumGetBool(FunctionCall2Coll(&guard->status_eq,
										  guard->status_collation, a, b));
}

/*
 * claims_listed_status
 *
 * Which of the statuses that the guard lists this one is; -1 if it is none.
 */
int
claims_listed_status(Guard *guard, Datum status)
{
	for (int i = 0; i < guard->nstatuses; i++)
	{
		if (is_same_status(guard, status, guard->statuses[i]))
			return i;
	}
	return -1;
}

/*
 * claims_is_active
 *
 * Whether a booking's status says that it is still on.  A NULL status never
 * is: neither list can name it.
 */
bool
claims_is_active(Guard *guard, TupleTableSlot *slot,
				 const ClaimColumns *columns)
{
	Datum		status;
	bool		isnull;

	if (guard->rule->inactive_column != NULL &&
		!slot_attisnull(slot, columns->inactive))
		return false;

	if (guard->rule->status_column == NULL)
		return true;

	status = slot_getattr(slot, columns->status, &isnull);
	if (isnull)
		return false;

	return (claims_listed_status(guard, status) >= 0) == guard->statuses_block;
}

/*
 * The instant that a wall clock in the zone shows as this timestamp.  As
 * timestamp AT TIME ZONE does it, with the zone looked up once.
 */
static TimestampTz
instant_of_local(Timestamp local, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	TimestampTz instant;

	if (TIMESTAMP_NOT_FINITE(local))
		return local;

	if (timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range");

	instant = local +
		(int64) DetermineTimeZoneOffset(&tm, zone) * USECS_PER_SEC;

	if (!IS_VALID_TIMESTAMP(instant))
	{
		if (instant < MIN_TIMESTAMP)
			TIMESTAMP_NOBEGIN(instant);
		else
			TIMESTAMP_NOEND(instant);
	}
	return instant;
}

/*
 * The instant at which a day begins in the zone.
 */
static TimestampTz
instant_of_date(DateADT date, pg_tz *zone)
{
	int			overflow;

	return instant_of_local(date2timestamp_opt_overflow(date, &overflow),
							zone);
}

/*
 * The last instant of a day in the zone, given its date.
 */
static TimestampTz
last_instant_of_date(DateADT date, pg_tz *zone)
{
	TimestampTz next_day;

	if (DATE_NOT_FINITE(date))
		return instant_of_date(date, zone);

	next_day = instant_of_date(date + 1, zone);
	return TIMESTAMP_NOT_FINITE(next_day) ? next_day : next_day - 1;
}

/*
 * The last instant of a range with this upper bound.  Timestamps are whole
 * microseconds, so the last instant before an exclusive bound is one less.
 */
static TimestampTz
last_instant_of_range(Guard *guard, const RangeBound *upper)
{
	TimestampTz instant;

	if (upper->infinite)
		return DT_NOEND;

	switch (guard->time_kind)
	{
		case TIME_TSTZRANGE:
			instant = DatumGetTimestampTz(upper->val);
			break;
		case TIME_TSRANGE:
			instant = instant_of_local(DatumGetTimestamp(upper->val),
									   guard->zone);
			break;
		default:
			if (upper->inclusive)
				return last_instant_of_date(DatumGetDateADT(upper->val),
											guard->zone);
			instant = instant_of_date(DatumGetDateADT(upper->val),
									  guard->zone);
			break;
	}

	if (!upper->inclusive && !TIMESTAMP_NOT_FINITE(instant))
		instant--;
	return instant;
}

/*
 * claims_last_instant
 *
 * The last instant at which a booking is upcoming: DT_NOEND if it always
 * will be (no time yet, infinity), DT_NOBEGIN if it never was (an empty
 * range).  Both whether a booking is upcoming and whether an UPDATE moves
 * it ahead are questions about this one number.
 */
TimestampTz
claims_last_instant(Guard *guard, TupleTableSlot *slot,
					const ClaimColumns *columns)
{
	Datum		value;
	bool		isnull;

	if (guard->time_kind == TIME_NONE)
		return DT_NOEND;

	value = slot_getattr(slot, columns->time, &isnull);
	return claims_last_instant_of(guard, value, isnull);
}

/*
 * claims_last_instant_of
 *
 * The same for a value of the time column.
 */
TimestampTz
claims_last_instant_of(Guard *guard, Datum value, bool isnull)
{
	if (isnull)
		return DT_NOEND;

	switch (guard->time_kind)
	{
		case TIME_NONE:
			break;
		case TIME_TIMESTAMPTZ:
			return DatumGetTimestampTz(value);
		case TIME_TIMESTAMP:
			return instant_of_local(DatumGetTimestamp(value), guard->zone);
		case TIME_DATE:
			return last_instant_of_date(DatumGetDateADT(value), guard->zone);
		case TIME_TSTZRANGE:
		case TIME_TSRANGE:
		case TIME_DATERANGE:
			{
				RangeBound	lower;
				RangeBound	upper;
				bool		empty;

				range_deserialize(guard->range_type, DatumGetRangeTypeP(value),
								  &lower, &upper, &empty);
				return empty ? DT_NOBEGIN : last_instant_of_range(guard, &upper);
			}
	}
	pg_unreachable();
}

/*
 * claims_is_due
 *
 * Whether a booking is active and its time has not passed: a claim, if it
 * also points at a service.  now() is the start of the transaction, as in SQL.
 */
bool
claims_is_due(Guard *guard, TupleTableSlot *slot,
			  const ClaimColumns *columns)
{
	return claims_is_active(guard, slot, columns) &&
		claims_last_instant(guard, slot, columns) >=
		GetCurrentTransactionStartTimestamp();
}

/*
 * claims_start
 *
 * When a booking begins: true and *start, or false if it has no time yet.
 */
bool
claims_start(Guard *guard, TupleTableSlot *slot,
			 const ClaimColumns *columns, TimestampTz *start)
{
	Datum		value;
	bool		isnull = true;

	if (guard->time_kind == TIME_NONE)
		return false;

	value = slot_getattr(slot, columns->time, &isnull);
	if (isnull)
		return false;

	switch (guard->time_kind)
	{
		case TIME_NONE:
			break;
		case TIME_TIMESTAMPTZ:
			*start = DatumGetTimestampTz(value);
			break;
		case TIME_TIMESTAMP:
			*start = instant_of_local(DatumGetTimestamp(value), guard->zone);
			break;
		case TIME_DATE:
			*start = instant_of_date(DatumGetDateADT(value), guard->zone);
			break;
		case TIME_TSTZRANGE:
		case TIME_TSRANGE:
		case TIME_DATERANGE:
			{
				RangeBound	lower;
				RangeBound	upper;
				bool		empty;

				range_deserialize(guard->range_type, DatumGetRangeTypeP(value),
								  &lower, &upper, &empty);
				if (empty || lower.infinite)
					*start = DT_NOBEGIN;
				else if (guard->time_kind == TIME_TSTZRANGE)
					*start = DatumGetTimestampTz(lower.val);
				else if (guard->time_kind == TIME_TSRANGE)
					*start = instant_of_local(DatumGetTimestamp(lower.val),
											  guard->zone);
				else
					*start = instant_of_date(DatumGetDateADT(lower.val),
											 guard->zone);
				break;
			}
	}
	return true;
}

/*
 * A bound below which no upcoming booking's time lies, as a value that the
 * time column can be compared with.  For wall clock times it is a day early,
 * since an hour that summer time repeats would make an exact bound wrong.
 */
static Datum
time_bound(Guard *guard)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	Timestamp	local;
	DateADT		date;
	RangeBound	lower;
	RangeBound	upper;

	if (timestamp2tm(now, &tz, &tm, &fsec, NULL, guard->zone) != 0 ||
		tm2timestamp(&tm, fsec, NULL, &local) != 0)
		elog(ERROR, "timestamp out of range");
	local -= USECS_PER_DAY;
	date = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE - 1;

	memset(&lower, 0, sizeof(lower));
	lower.inclusive = true;
	lower.lower = true;
	memset(&upper, 0, sizeof(upper));
	upper.infinite = true;

	switch (guard->time_kind)
	{
		case TIME_NONE:
			break;
		case TIME_TIMESTAMPTZ:
			return TimestampTzGetDatum(now);
		case TIME_TIMESTAMP:
			return TimestampGetDatum(local);
		case TIME_DATE:
			return DateADTGetDatum(date);
		case TIME_TSTZRANGE:
			lower.val = TimestampTzGetDatum(now);
			break;
		case TIME_TSRANGE:
			lower.val = TimestampGetDatum(local);
			break;
		case TIME_DATERANGE:
			lower.val = DateADTGetDatum(date);
			break;
	}
	return RangeTypePGetDatum(compat_range_serialize(guard->range_type,
													 &lower, &upper, false));
}

/*
 * claims_append_active
 *
 * Append to a query, as " AND ...", the conditions that make a booking active,
 * on columns of the alias x.  Their form is that of IN and NOT IN on
 * constants, so that the planner can prove that a partial index on the same
 * statuses serves.
 */
void
claims_append_active(StringInfo sql, Guard *guard)
{
	if (guard->rule->status_column != NULL)
	{
		List	   *labels = rule_statuses(guard->rule);
		Oid			opno = guard->status_eq_opr;

		if (!guard->statuses_block)
			opno = get_negator(opno);

		/* An equality without its negator: C alone decides. */
		if (OidIsValid(opno))
		{
			StringInfoData array;
			Oid			operand;
			Oid			unused;

			initStringInfo(&array);
			appendStringInfo(&array, "%s (%s::%s)",
							 guard->statuses_block ? "ANY" : "ALL",
							 quote_literal_cstr(rule_array_literal(labels)),
							 query_type_name(get_array_type(guard->status_base_type)));
			op_input_types(opno, &operand, &unused);
			appendStringInfoString(sql, " AND ");
			generate_operator_clause(sql,
									 query_column(guard->booking_relid,
												  guard->rule->status_column),
									 operand, opno, array.data, operand);
		}
	}

	if (guard->rule->inactive_column != NULL)
		appendStringInfo(sql, " AND x.%s IS NULL",
						 quote_identifier(guard->rule->inactive_column));
}

/*
 * Make the query that brings the candidates for claims: those on the service
 * whose key is $1, ..., or with all_keys those on any service.  They are in
 * booking_relid: the guard's booking table, or a partition of it.  Its first
 * columns are candidate_columns, then come those of extra_columns (a list of
 * names).  Sets the parameters' types and returns how many there are; the
 * last is time_bound(), if the guard has a time column.
 *
 * Statuses are written as literals, which the parser reads.  As the caller it
 * must not, if that may call functions of the table's owner: then C alone
 * decides.
 */
static int
build_query(StringInfo sql, Guard *guard, Oid booking_relid, bool all_keys,
			bool as_caller, List *extra_columns, Oid *argtypes)
{
	const GuardRule *rule = guard->rule;
	const char *sep = "";
	int			nargs = 0;
	ListCell   *lc;
	const char *const decisive[] = {rule->status_column,
		rule->inactive_column, rule->time_column};

	appendStringInfoString(sql, "SELECT ");
	for (int i = 0; i < (int) lengthof(decisive); i++)
	{
		if (decisive[i] != NULL)
			appendStringInfo(sql, "%sx.%s", sep,
							 quote_identifier(decisive[i]));
		else
			appendStringInfo(sql, "%sNULL", sep);
		sep = ", ";
	}
	foreach(lc, extra_columns)
		appendStringInfo(sql, ", x.%s",
						 quote_identifier((char *) lfirst(lc)));
	query_append_relation(sql, booking_relid);

	sep = " WHERE ";
	for (int i = 0; i < guard->nkeys; i++)
	{
		const GuardKeyColumn *key = &guard->key[i];

		appendStringInfoString(sql, sep);
		sep = " AND ";
		if (all_keys)
		{
			appendStringInfo(sql, "x.%s IS NOT NULL",
							 quote_identifier(key->booking_name));
			continue;
		}
		argtypes[nargs++] = key->service_type;
		generate_operator_clause(sql, psprintf("$%d", nargs),
								 key->service_type, key->eq_opr,
								 query_key_column(guard->booking_relid,
												  key->booking_name,
												  key->collation),
								 key->booking_type);
	}

	if (!as_caller || guard->rule->status_column == NULL ||
		!resolve_type_calls(guard->status_base_type))
		claims_append_active(sql, guard);

	if (guard->time_kind != TIME_NONE)
	{
		argtypes[nargs++] = guard->time_type;
		appendStringInfo(sql, " AND (%s OPERATOR(pg_catalog.%s) $%d",
						 query_column(guard->booking_relid, rule->time_column),
						 guard->range_type != NULL ? "&&" : ">=", nargs);
		if (!guard->time_not_null)
			appendStringInfo(sql, " OR x.%s IS NULL",
							 quote_identifier(rule->time_column));
		appendStringInfoChar(sql, ')');
	}

	return nargs;
}

/*
 * Complete a key to the parameters of a candidate query.
 */
static void
add_time_bound(Guard *guard, KeyValues *params)
{
	if (guard->time_kind != TIME_NONE)
	{
		Assert(params->n < MAX_PARAMS);
		params->value[params->n] = time_bound(guard);
		params->isnull[params->n] = false;
		params->n++;
	}
}

/*
 * Count one claim.
 */
static void
tally_add(ClaimTally *tally, TupleTableSlot *slot,
		  const ClaimColumns *columns)
{
	Guard	   *guard = tally->guard;
	TimestampTz start;
	Datum		status;
	bool		isnull;

	tally->total++;

	if (claims_start(guard, slot, columns, &start) &&
		(!tally->has_start || start < tally->start))
	{
		tally->has_start = true;
		tally->start = start;
	}

	if (guard->rule->status_column == NULL)
		return;

	/* claims_is_active() has seen to it that there is a status */
	status = slot_getattr(slot, columns->status, &isnull);
	for (int i = 0; i < tally->nstatuses; i++)
	{
		if (is_same_status(guard, status, tally->status[i].value))
		{
			tally->status[i].count++;
			return;
		}
	}
	if (tally->nstatuses < (int) lengthof(tally->status))
	{
		MemoryContext old = MemoryContextSwitchTo(tally->context);
		int16		typlen;
		bool		typbyval;

		get_typlenbyval(guard->status_type, &typlen, &typbyval);
		tally->status[tally->nstatuses].value =
			datumCopy(status, typbyval, typlen);
		tally->status[tally->nstatuses].count = 1;
		tally->nstatuses++;
		MemoryContextSwitchTo(old);
	}
}

/*
 * Row callback of claims_count()'s probe.
 */
static void
count_booking(TupleTableSlot *slot, const ClaimColumns *columns, void *arg)
{
	ClaimTally *tally = (ClaimTally *) arg;

	if (claims_is_due(tally->guard, slot, columns))
		tally_add(tally, slot, columns);
}

/*
 * Row callback of its query.
 */
static void
count_candidate(TupleTableSlot *slot, void *arg)
{
	count_booking(slot, &candidate_columns, arg);
}

static void
tally_init(ClaimTally *tally, Guard *guard)
{
	memset(tally, 0, sizeof(ClaimTally));
	tally->guard = guard;
	tally->context = CurrentMemoryContext;
}

/*
 * Prepare the query of claims_count(), which is kept, as the booking table's
 * owner.
 */
static void
prepare_count(Guard *guard)
{
	StringInfoData sql;
	Oid			argtypes[MAX_PARAMS];
	int			nargs;

	if (query_is_ready(&guard->count_plan))
		return;
	initStringInfo(&sql);
	nargs = build_query(&sql, guard, guard->booking_relid, false, false, NIL,
						argtypes);
	guard->count_plan = query_prepare(sql.data, nargs, argtypes,
									  guard->booking_relid);
}

/*
 * claims_count
 *
 * Count the claims on the service whose key this is (of the service columns'
 * types), as the booking table's owner and with the newest snapshot; true if
 * there are any.  Takes no row locks.
 *
 * The count is final only if nobody can make a claim meanwhile, that is
 * while the caller holds a lock on the service row that conflicts with FOR
 * KEY SHARE, which every booker takes.  A booker who held that lock before
 * has committed, and is seen; one who comes later waits for us.
 */
bool
claims_count(Guard *guard, const KeyValues *key, ClaimTally *tally)
{
	KeyValues	params;

	tally_init(tally, guard);
	if (!probe_bookings(guard, key, count_booking, tally))
	{
		tally_init(tally, guard);
		prepare_count(guard);
		params = *key;
		add_time_bound(guard, &params);
		query_run(guard->count_plan, &params, guard->booking_relid, true,
				  count_candidate, tally);
	}
	return tally->total > 0;
}

/*
 * The key that run_for_all_keys() brings with a candidate.
 */
static void
candidate_key(Guard *guard, TupleTableSlot *slot, KeyValues *key)
{
	key->n = guard->nkeys;
	for (int i = 0; i < guard->nkeys; i++)
		key->value[i] = slot_getattr(slot, FIRST_EXTRA_COLUMN + i,
									 &key->isnull[i]);
}

/*
 * Row callback of claims_count_orphans().
 */
static void
count_orphan(TupleTableSlot *slot, void *arg)
{
	ClaimTally *tally = (ClaimTally *) arg;
	Guard	   *guard = tally->guard;
	KeyValues	key;

	if (!claims_is_due(guard, slot, &candidate_columns))
		return;

	/*
	 * By the clock, read after the query's snapshot was taken: whoever has
	 * deleted a service within that snapshot began before, and has let pass
	 * only what was over by then.  Our now() may be older than that.
	 */
	if (tally->unlocked)
	{
		if (tally->as_of == 0)
			tally->as_of = GetCurrentTimestamp();
		if (claims_last_instant(guard, slot,
								&candidate_columns) < tally->as_of)
			return;
	}

	candidate_key(guard, slot, &key);
	if (service_state(guard, &key, BOOKING_SIDE, false) == SERVICE_THERE)
		return;

	/*
	 * That was read with a newer snapshot than the booking.  Meanwhile the
	 * booking may have been cancelled and then the service deleted, rightly.
	 * Only if the service is missing in the booking's own snapshot as well
	 * was there a moment at which the promise did not hold: a snapshot that
	 * has a transaction's work also has all that was done before it.
	 */
	if (tally->unlocked &&
		service_state_at(guard, &key, GetActiveSnapshot()) == SERVICE_THERE)
		return;

	tally_add(tally, slot, &candidate_columns);
}

/*
 * Hand the candidates for claims in booking_relid, on whatever service, to a
 * callback, with their keys.
 */
static void
run_for_all_keys(Guard *guard, Oid booking_relid, QueryRowCallback callback,
				 void *arg)
{
	KeyValues	params;
	StringInfoData sql;
	Oid			argtypes[MAX_PARAMS];

	initStringInfo(&sql);
	(void) build_query(&sql, guard, booking_relid, true, false,
					   guard->rule->booking_key, argtypes);
	params.n = 0;
	add_time_bound(guard, &params);
	query_run_once(sql.data, argtypes, &params, booking_relid, true,
				   callback, arg);
}

/*
 * claims_count_orphans
 *
 * Count the claims on services that do not exist, or are retired; true if
 * there are any.  They are looked for in booking_relid: the guard's booking
 * table or a partition of it.  The bookings are read as their table's owner,
 * the services as theirs, both with the newest snapshot.  What the answer is
 * worth depends on whom the caller keeps out of either table.
 */
bool
claims_count_orphans(Guard *guard, Oid booking_relid, ClaimTally *tally)
{
	tally_init(tally, guard);
	run_for_all_keys(guard, booking_relid, count_orphan, tally);
	return tally->total > 0;
}

/*
 * claims_count_orphans_unlocked
 *
 * The same while others may write to both tables: what they do meanwhile is
 * not mistaken for an orphan; see count_orphan().
 */
bool
claims_count_orphans_unlocked(Guard *guard, ClaimTally *tally)
{
	tally_init(tally, guard);
	tally->unlocked = true;
	run_for_all_keys(guard, guard->booking_relid, count_orphan, tally);
	return tally->total > 0;
}

/* State of claims_count_in(). */
typedef struct ClaimsIn
{
	ClaimTally *tally;
	SPIPlanPtr	find_service;
	Oid			service_relid;
} ClaimsIn;

static void
count_if_in(TupleTableSlot *slot, void *arg)
{
	ClaimsIn   *in = (ClaimsIn *) arg;
	Guard	   *guard = in->tally->guard;
	KeyValues	key;

	if (!claims_is_due(guard, slot, &candidate_columns))
		return;
	candidate_key(guard, slot, &key);
	if (query_run(in->find_service, &key, in->service_relid, true, NULL,
				  NULL) > 0)
		tally_add(in->tally, slot, &candidate_columns);
}

/*
 * claims_count_in
 *
 * Count the claims on services that are in one partition of the service
 * table, or that was one; true if there are any.  Everything is read with the
 * newest snapshot and no row is locked.  One pass over the bookings, whether
 * there is an index on the key or not.
 */
bool
claims_count_in(Guard *guard, Oid service_relid, ClaimTally *tally)
{
	ClaimsIn	in;

	tally_init(tally, guard);
	in.tally = tally;
	in.service_relid = service_relid;
	in.find_service = service_prepare(guard, service_relid, BOOKING_SIDE,
									  SERVICE_NO_LOCK);
	PG_TRY();
	{
		run_for_all_keys(guard, guard->booking_relid, count_if_in, &in);
	}
	PG_FINALLY();
	{
		query_forget(&in.find_service);
	}
	PG_END_TRY();
	return tally->total > 0;
}

static void
list_candidate(TupleTableSlot *slot, void *arg)
{
	ClaimListing *listing = (ClaimListing *) arg;

	if (claims_is_due(listing->guard, slot, &candidate_columns))
		listing->callback(listing->guard, slot, &candidate_columns,
						  FIRST_EXTRA_COLUMN, listing->arg);
}

/*
 * claims_list
 *
 * Hand each claim on a service to callback, with the booking columns named
 * in extra_columns, read as the caller: with the caller's privileges and
 * under the caller's row-level security.
 */
void
claims_list(Guard *guard, const KeyValues *key, List *extra_columns,
			ClaimListCallback callback, void *arg)
{
	ClaimListing listing = {guard, callback, arg};
	KeyValues	params = *key;
	StringInfoData sql;
	Oid			argtypes[MAX_PARAMS];

	initStringInfo(&sql);
	(void) build_query(&sql, guard, guard->booking_relid, false, true,
					   extra_columns, argtypes);
	add_time_bound(guard, &params);
	query_run_once(sql.data, argtypes, &params, guard->booking_relid, false,
				   list_candidate, &listing);
}

/*
 * claims_query_conditions
 *
 * The conditions of the count query as the planner sees them, simplified and
 * as a list, with the booking table as range table entry 1: what it would
 * prove a partial index's predicate from.
 */
List *
claims_query_conditions(Guard *guard)
{
	CachedPlanSource *source;
	Query	   *query;
	Expr	   *qual;

	prepare_count(guard);
	source = (CachedPlanSource *)
		linitial(SPI_plan_get_plan_sources(guard->count_plan));
	query = linitial_node(Query, source->query_list);

	qual = (Expr *) eval_const_expressions(NULL,
										   copyObject(query->jointree->quals));
	return make_ands_implicit(canonicalize_qual(qual, false));
}

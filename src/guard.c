/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Trigger arguments -> a resolved, cached guard.
 *
 * A guard's rule names columns and statuses as text.  They are looked up once
 * per backend and trigger, and again after anything they rest on has changed:
 * tables, indexes and triggers (relcache), enum labels, types, foreign keys
 * (syscache).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "guard.h"
#include "report.h"

typedef struct GuardCacheEntry
{
	Oid			trigger_oid;	/* hash key */
	Guard	   *guard;			/* NULL: not resolved */
} GuardCacheEntry;

/* Guards by trigger; lives as long as the backend. */
static HTAB *guard_cache = NULL;

/*
 * Guards that were thrown away while somebody may still be using them: an
 * invalidation can come in the midst of any query.  They are freed at the
 * end of the transaction, when no trigger is running.
 */
static List *retired_guards = NIL;

/* The same for plans of guards that are still good. */
static List *retired_plans = NIL;

/* Whether there are invalid guards in the cache. */
static bool has_invalid_guards = false;

/* Counts invalidations, to notice one that arrives while we resolve. */
static uint64 invalidation_count = 0;

static void guard_cache_init(void);
static Guard *build_guard(Oid trigger_oid, GuardSide side, uint64 *count);


/*
 * Lock a guard's two tables against changes of their definition, for the rest
 * of the transaction, as a query on either will do: what was looked up about
 * them stays true, and a query's text goes on naming the tables it was made
 * for.  See also ri_FetchPreparedPlan()'s word of caution.
 *
 * A table that is locked already, such as the one whose trigger fires, costs
 * next to nothing.  Otherwise pending invalidations are processed here.
 */
static void
lock_tables(Oid relid, Oid other_relid)
{
	LockRelationOid(relid, AccessShareLock);
	LockRelationOid(other_relid, AccessShareLock);
}

/*
 * The guard of a trigger if it is in the cache and still valid when both
 * tables are locked, else NULL.
 */
static Guard *
cached_guard(Oid trigger_oid)
{
	Guard	   *guard;

	/*
	 * Whoever held a lock on the row that fired the trigger may have changed
	 * the schema; we learn of it now, not only at the next table lock.
	 */
	AcceptInvalidationMessages();

	while ((guard = guard_peek(trigger_oid)) != NULL)
	{
		lock_tables(guard->service_relid, guard->booking_relid);
		if (guard->valid)
			break;
	}
	return guard;
}

/*
 * guard_get
 *
 * The guard that a trigger belongs to.  trigger_oid is one of its two
 * triggers, or a clone of one on a partition; side says which.  Valid until
 * the end of the transaction.  An error if the guard cannot be understood.
 * Both tables are locked afterwards, ACCESS SHARE.
 */
Guard *
guard_get(Oid trigger_oid, GuardSide side)
{
	Guard	   *guard = cached_guard(trigger_oid);
	GuardCacheEntry *entry;
	uint64		count;
	bool		found;

	if (guard != NULL)
		return guard;

	if (guard_cache == NULL)
		guard_cache_init();
	entry = hash_search(guard_cache, &trigger_oid, HASH_FIND, NULL);
	if (entry != NULL && entry->guard != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		retired_guards = lappend(retired_guards, entry->guard);
		MemoryContextSwitchTo(old);
		entry->guard = NULL;
	}

	/*
	 * Resolving may throw: then the cache has none.  It may process
	 * invalidations, and those that arrive after the tables have been locked
	 * are hardly about this guard; but we cannot tell, and look again next
	 * time.
	 */
	guard = build_guard(trigger_oid, side, &count);
	guard->valid = (count == invalidation_count);
	has_invalid_guards |= !guard->valid;
	MemoryContextSetParent(guard->context, CacheMemoryContext);
	entry = hash_search(guard_cache, &trigger_oid, HASH_ENTER, &found);
	entry->guard = guard;
	return guard;
}

/*
 * guard_peek
 *
 * The guard of a trigger if it is in the cache and valid, else NULL.  Locks
 * nothing: it tells no more than how rows of the table that carries the
 * trigger are to be read, which the caller keeps from being altered.
 */
Guard *
guard_peek(Oid trigger_oid)
{
	GuardCacheEntry *entry = NULL;

	if (guard_cache != NULL)
		entry = hash_search(guard_cache, &trigger_oid, HASH_FIND, NULL);
	return entry != NULL && entry->guard != NULL && entry->guard->valid ?
		entry->guard : NULL;
}

/*
 * guard_retire_plan
 *
 * Free a plan at the end of the transaction: it may be running.
 */
void
guard_retire_plan(SPIPlanPtr plan)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	retired_plans = lappend(retired_plans, plan);
	MemoryContextSwitchTo(old);
}

/* Arguments and result of resolve(). */
typedef struct Resolution
{
	Oid			trigger_oid;
	GuardSide	side;
	Guard	   *guard;
} Resolution;

static void
resolve(void *arg)
{
	Resolution *resolution = (Resolution *) arg;

	resolution->guard = guard_get(resolution->trigger_oid, resolution->side);
}

/*
 * guard_try
 *
 * The same, but if the guard cannot be understood: NULL, and that error in
 * *edata.
 */
Guard *
guard_try(Oid trigger_oid, GuardSide side, ErrorData **edata)
{
	Resolution	resolution = {trigger_oid, side, NULL};

	*edata = query_try(resolve, &resolution);
	/* all of ours have a DETAIL */
	if (*edata != NULL &&
		((*edata)->sqlerrcode != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE ||
		 (*edata)->detail == NULL))
		ReThrowError(*edata);
	return resolution.guard;
}

/*
 * guard_describe
 *
 * The name, tables and mode of a guard that may be past understanding, as far
 * as its triggers can tell.
 */
void
guard_describe(const GuardTrigger *trigger, GuardSide side, GuardEvent *event)
{
	const GuardTrigger *booking;

	trigger = catalog_root_trigger(trigger);
	event->guard = trigger->name;
	event->service_relid = side == SERVICE_SIDE ?
		trigger->relid : trigger->from_relid;
	event->booking_relid = side == SERVICE_SIDE ?
		trigger->from_relid : trigger->relid;
	event->mode = MODE_ENFORCE;

	booking = side == BOOKING_SIDE ? trigger :
		OidIsValid(trigger->from_relid) ?
		catalog_partner(trigger, BOOKING_SIDE) : NULL;
	if (booking != NULL)
		event->mode = rule_mode(booking->nargs, booking->args);
}

/*
 * guard_enforced
 *
 * As guard_get(), for a trigger.  A guard that cannot be understood is an
 * error, unless it only warns or is overridden: then NULL, for the trigger to
 * let pass whatever it was.  That is told, unless it is_early: another trigger
 * will tell.  NULL, too, if the trigger has been dropped.
 */
Guard *
guard_enforced(Oid trigger_oid, GuardSide side, bool is_early)
{
	const GuardTrigger *trigger;
	GuardEvent	event = {0};
	Guard	   *guard;
	ErrorData  *edata;
	int			level;

	guard = cached_guard(trigger_oid);
	if (guard != NULL)
		return guard;

	/*
	 * A trigger that fires may be gone: the server lets a user's trigger drop
	 * those that are still to fire for the same statement.  Only this session
	 * can have, the table being locked by the statement; so there is no guard
	 * any more, as after any unprotect.
	 */
	trigger = catalog_trigger(trigger_oid);
	if (trigger == NULL)
		return NULL;

	guard_describe(trigger, side, &event);
	level = enforce_level(event.mode);
	if (level == ERROR && !enforce_is_logging())
		return guard_get(trigger_oid, side);

	guard = guard_try(trigger_oid, side, &edata);
	if (guard != NULL)
		return guard;

	if (is_early && level != ERROR)
		return NULL;
	event.action = side == SERVICE_SIDE ? "change service" : "change booking";
	event.problem = edata->message;
	enforce_log(&event);
	if (level == ERROR)
		ReThrowError(edata);
	if (level != 0)
	{
		/* it does not, now */
		char	   *end = strstr(edata->detail, REPORT_REFUSES_MEANWHILE);

		if (end != NULL)
			*end = '\0';
		ereport(level,
				(errcode(edata->sqlerrcode),
				 errmsg_internal("%s", edata->message),
				 errdetail_internal("%s", edata->detail),
				 edata->hint ? errhint("%s", edata->hint) : 0));
	}
	return NULL;
}

/*
 * guard_of_service
 *
 * The guards of a service table (Guard *), in the order in which their
 * triggers, those that call function, fire.  Those that cannot be understood
 * and need not be are left out; see guard_enforced().
 */
List *
guard_of_service(Relation service, Oid function, bool is_early)
{
	TriggerDesc *trigdesc = service->trigdesc;
	List	   *oids = NIL;
	List	   *guards = NIL;
	ListCell   *lc;

	/* Resolving may rebuild the relcache entry: first note, then resolve. */
	for (int i = 0; trigdesc != NULL && i < trigdesc->numtriggers; i++)
	{
		if (trigdesc->triggers[i].tgfoid == function)
			oids = lappend_oid(oids, trigdesc->triggers[i].tgoid);
	}
	foreach(lc, oids)
	{
		Guard	   *guard = guard_enforced(lfirst_oid(lc), SERVICE_SIDE,
											is_early);

		if (guard != NULL)
			guards = lappend(guards, guard);
	}
	return guards;
}

/*
 * guard_identifying
 *
 * Of the guards of one service table, the one whose key identifies a service
 * in calls: one on the primary key, if there is any.
 */
Guard *
guard_identifying(List *guards)
{
	ListCell   *lc;

	foreach(lc, guards)
	{
		if (((Guard *) lfirst(lc))->key_is_primary)
			return (Guard *) lfirst(lc);
	}
	return (Guard *) linitial(guards);
}

/*
 * guard_default_service
 *
 * The service table that is meant when none is named, or InvalidOid: see
 * catalog_default_service().  To read all guards for each call would cost more
 * than the rest of it, so remember the answer until any table is changed.
 */
Oid
guard_default_service(Oid sibling)
{
	static Oid	relid = InvalidOid;
	static uint64 as_of = 0;

	if (guard_cache == NULL)
		guard_cache_init();
	AcceptInvalidationMessages();
	if (!OidIsValid(relid) || as_of != invalidation_count)
	{
		uint64		count = invalidation_count;
		List	   *all;
		bool		several_labelled;

		relid = catalog_default_service(sibling, &all, &several_labelled);
		as_of = count;			/* only if that did not throw */
	}
	return relid;
}

/*
 * guard_free
 *
 * Free a guard, its plans included.
 */
void
guard_free(Guard *guard)
{
	MemoryContextDelete(guard->context);
}

/*
 * At the end of a transaction nobody uses a guard: free those that were
 * replaced, and those that are invalid, which may be of dropped triggers.
 */
static void
guard_xact_callback(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;

	foreach(lc, retired_plans)
		SPI_freeplan((SPIPlanPtr) lfirst(lc));
	list_free(retired_plans);
	retired_plans = NIL;

	foreach(lc, retired_guards)
		guard_free((Guard *) lfirst(lc));
	list_free(retired_guards);
	retired_guards = NIL;

	if (has_invalid_guards)
	{
		HASH_SEQ_STATUS status;
		GuardCacheEntry *entry;

		has_invalid_guards = false;
		hash_seq_init(&status, guard_cache);
		while ((entry = hash_seq_search(&status)) != NULL)
		{
			if (entry->guard != NULL && entry->guard->valid)
				continue;
			if (entry->guard != NULL)
				guard_free(entry->guard);
			hash_search(guard_cache, &entry->trigger_oid, HASH_REMOVE, NULL);
		}
	}
}

static void
guard_relcache_callback(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	GuardCacheEntry *entry;

	invalidation_count++;
	hash_seq_init(&status, guard_cache);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		Guard	   *guard = entry->guard;

		if (guard != NULL &&
			(relid == InvalidOid ||
			 relid == guard->carrier_relid ||
			 relid == guard->service_relid ||
			 relid == guard->booking_relid))
		{
			guard->valid = false;
			has_invalid_guards = true;
		}
	}
}

static void
guard_syscache_callback(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	GuardCacheEntry *entry;

	invalidation_count++;
	hash_seq_init(&status, guard_cache);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		Guard	   *guard = entry->guard;
		bool		concerned = false;
		ListCell   *lc;

		if (guard == NULL || !guard->valid)
			continue;

		switch (cacheid)
		{
			case TYPEOID:
				concerned = guard->status_type_hash == hashvalue ||
					guard->retire_type_hash == hashvalue;
				break;
			case CONSTROID:
				foreach(lc, guard->foreign_key_hashes)
				{
					if ((uint32) lfirst_int(lc) == hashvalue)
						concerned = true;
				}
				break;
			default:
				/* ENUMOID: labels are rarely changed */
				concerned = guard->status_is_enum || guard->retire_is_enum;
				break;
		}
		if (concerned || hashvalue == 0)
		{
			guard->valid = false;
			has_invalid_guards = true;
		}
	}
}

static void
guard_cache_init(void)
{
	HASHCTL		ctl;

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(GuardCacheEntry);
	guard_cache = hash_create("booking_guard cache", 16, &ctl,
							  HASH_ELEM | HASH_BLOBS);

	CacheRegisterRelcacheCallback(guard_relcache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(ENUMOID, guard_syscache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, guard_syscache_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(CONSTROID, guard_syscache_callback,
								  (Datum) 0);
	RegisterXactCallback(guard_xact_callback, NULL);
}


/*
 * guard_trigger_problem
 *
 * What is wrong with a guard's trigger, as the end of a sentence; NULL if it
 * is as booking_guard_protect() makes it.  One that is made by hand might not
 * fire for some event, or only when foreign keys have had their way.
 */
char *
guard_trigger_problem(const GuardTrigger *trigger, GuardSide side)
{
	int16		type = TRIGGER_TYPE_AFTER | TRIGGER_TYPE_ROW |
		TRIGGER_TYPE_UPDATE |
		(side == SERVICE_SIDE ? TRIGGER_TYPE_DELETE : TRIGGER_TYPE_INSERT);
	const char *table = report_table_name(trigger->relid);

	if (side == BOOKING_SIDE &&
		get_rel_relkind(trigger->relid) == RELKIND_PARTITIONED_TABLE)
		type |= TRIGGER_TYPE_DELETE;	/* see booking_guard_booking() */

	if (trigger->type != type)
		return psprintf("its trigger on table %s is not AFTER %s%s OR UPDATE",
						table, side == SERVICE_SIDE ? "DELETE" : "INSERT",
						side == BOOKING_SIDE && (type & TRIGGER_TYPE_DELETE) ?
						" OR DELETE" : "");
	if (trigger->conditional)
		return psprintf("its trigger on table %s has a condition or a list of columns",
						table);
	if (side == SERVICE_SIDE && trigger->deferrable)
		return psprintf("its trigger on table %s is deferrable", table);
	return NULL;
}

/*
 * Resolve the guard that a trigger belongs to, with both tables locked.
 * *count gets the number of invalidations before anything was looked up.
 */
static Guard *
build_guard(Oid trigger_oid, GuardSide side, uint64 *count)
{
	GuardSide	other_side = side == SERVICE_SIDE ? BOOKING_SIDE : SERVICE_SIDE;
	const GuardTrigger *trigger = catalog_trigger(trigger_oid);
	Oid			carrier_relid;
	const GuardTrigger *partner;
	const GuardTrigger *service;
	const GuardTrigger *booking;
	GuardRule	rule = {0};
	char	   *problem;

	if (trigger == NULL)
		elog(ERROR, "could not find trigger %u", trigger_oid);
	carrier_relid = trigger->relid;

	/* A partition's trigger is a clone; the guard is where it came from. */
	trigger = catalog_root_trigger(trigger);

	if (!OidIsValid(trigger->from_relid))
		report_without_from(trigger);

	lock_tables(trigger->relid, trigger->from_relid);
	*count = invalidation_count;

	partner = catalog_partner(trigger, other_side);
	if (partner == NULL)
		report_without_partner(trigger, side);
	service = side == SERVICE_SIDE ? trigger : partner;
	booking = side == SERVICE_SIDE ? partner : trigger;

	problem = guard_trigger_problem(service, SERVICE_SIDE);
	if (problem == NULL)
		problem = guard_trigger_problem(booking, BOOKING_SIDE);
	if (problem == NULL)
		problem = rule_read_arguments(&rule, SERVICE_SIDE,
									  service->nargs, service->args);
	if (problem == NULL)
		problem = rule_read_arguments(&rule, BOOKING_SIDE,
									  booking->nargs, booking->args);
	if (problem != NULL)
		report_bad_triggers(service, problem);

	return resolve_rule(trigger->name, side, &rule, trigger->function,
						service->relid, booking->relid, carrier_relid);
}

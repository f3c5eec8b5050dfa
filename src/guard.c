/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Trigger arguments -> a resolved, cached guard.
 *
 * A guard's rule names columns and statuses as text.  Here they are looked
 * up once per backend and trigger, and again after anything they rest on has
 * changed: tables, indexes and triggers (relcache), enum labels, types,
 * foreign keys (syscache).  What cannot be resolved is an error; in a trigger
 * that means that the guard fails closed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

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

/* Counts invalidations, to notice one that arrives while we resolve. */
static uint64 invalidation_count = 0;

static void guard_cache_init(void);
static Guard *build_guard(GuardTrigger *trigger, GuardSide side);
static void resolve_key(Guard *guard);
static void resolve_status(Guard *guard);
static void resolve_time(Guard *guard);
static void resolve_foreign_keys(Guard *guard);


/* ----------------------------------------------------------------
 *		Triggers, as the catalog has them
 * ----------------------------------------------------------------
 */

static GuardTrigger *
read_trigger(HeapTuple tuple, TupleDesc desc)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	GuardTrigger *trigger = palloc0(sizeof(GuardTrigger));
	Datum		args;
	bool		isnull;

	trigger->oid = form->oid;
	trigger->relid = form->tgrelid;
	trigger->from_relid = form->tgconstrrelid;
	trigger->function = form->tgfoid;
	trigger->parent = form->tgparentid;
	trigger->name = pstrdup(NameStr(form->tgname));
	trigger->enabled = form->tgenabled;
	trigger->type = form->tgtype;
	trigger->deferrable = form->tgdeferrable;
	trigger->conditional = form->tgattr.dim1 > 0;
	(void) heap_getattr(tuple, Anum_pg_trigger_tgqual, desc, &isnull);
	trigger->conditional |= !isnull;

	args = heap_getattr(tuple, Anum_pg_trigger_tgargs, desc, &isnull);
	if (!isnull && form->tgnargs > 0)
	{
		bytea	   *bytes = DatumGetByteaPP(args);
		char	   *p = VARDATA_ANY(bytes);

		trigger->nargs = form->tgnargs;
		trigger->args = palloc(trigger->nargs * sizeof(char *));
		for (int i = 0; i < trigger->nargs; i++)
		{
			trigger->args[i] = pstrdup(p);
			p += strlen(p) + 1;
		}
	}
	return trigger;
}

/*
 * Scan pg_trigger by one of its indexes and return the first match, or NULL.
 */
static GuardTrigger *
scan_trigger(Oid indexid, int nkeys, ScanKey keys)
{
	Relation	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	GuardTrigger *trigger = NULL;

	scan = systable_beginscan(pg_trigger, indexid, true, NULL, nkeys, keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		trigger = read_trigger(tuple, RelationGetDescr(pg_trigger));
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
	return trigger;
}

/*
 * guard_fetch_trigger
 *
 * A trigger by its OID, or NULL.  Takes no lock on its table.
 */
GuardTrigger *
guard_fetch_trigger(Oid trigger_oid)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger_oid));
	return scan_trigger(TriggerOidIndexId, 1, &key);
}

/*
 * guard_find_trigger
 *
 * A table's trigger by its name, or NULL.  Takes no lock on the table.
 */
GuardTrigger *
guard_find_trigger(Oid relid, const char *name)
{
	ScanKeyData key[2];

	ScanKeyInit(&key[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&key[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(name));
	return scan_trigger(TriggerRelidNameIndexId, 2, key);
}

/*
 * guard_function
 *
 * The OID of one of the extension's functions that take no arguments, given
 * any function of the extension: they share a schema, wherever that is.
 */
Oid
guard_function(Oid sibling, const char *name)
{
	oidvector  *no_arguments = buildoidvector(NULL, 0);

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(name),
						   PointerGetDatum(no_arguments),
						   ObjectIdGetDatum(get_func_namespace(sibling)));
}

/*
 * guard_partner
 *
 * The other trigger of a guard, given one of them (not a clone): the trigger
 * of the same name on the other table, FROM this one.  NULL if there is none.
 */
GuardTrigger *
guard_partner(const GuardTrigger *trigger, GuardSide partner_side)
{
	GuardTrigger *partner = guard_find_trigger(trigger->from_relid,
											   trigger->name);

	if (partner == NULL ||
		partner->from_relid != trigger->relid ||
		partner->function != guard_function(trigger->function,
											partner_side == SERVICE_SIDE ?
											SERVICE_FUNCTION :
											BOOKING_FUNCTION))
		return NULL;
	return partner;
}

static int
compare_triggers(const ListCell *a, const ListCell *b)
{
	const GuardTrigger *ta = lfirst(a);
	const GuardTrigger *tb = lfirst(b);

	if (ta->relid != tb->relid)
		return ta->relid < tb->relid ? -1 : 1;
	return strcmp(ta->name, tb->name);
}

/*
 * guard_list
 *
 * All guards of this database: their triggers (GuardTrigger *) on the service
 * side, or on the booking side, ordered by table and name.  Clones on
 * partitions are left out.  Found by what depends on the trigger function,
 * which pg_depend can be asked by an index.
 */
List *
guard_list(Oid sibling, GuardSide side)
{
	Oid			function = guard_function(sibling, side == SERVICE_SIDE ?
										  SERVICE_FUNCTION : BOOKING_FUNCTION);
	Relation	pg_depend = table_open(DependRelationId, AccessShareLock);
	List	   *triggers = NIL;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(function));
	scan = systable_beginscan(pg_depend, DependReferenceIndexId, true, NULL,
							  2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		GuardTrigger *trigger;

		if (form->classid != TriggerRelationId)
			continue;
		trigger = guard_fetch_trigger(form->objid);
		/* whatever was dropped since the scan began is no guard any more */
		if (trigger != NULL && !OidIsValid(trigger->parent) &&
			get_rel_name(trigger->relid) != NULL &&
			(!OidIsValid(trigger->from_relid) ||
			 get_rel_name(trigger->from_relid) != NULL))
			triggers = lappend(triggers, trigger);
	}
	systable_endscan(scan);
	table_close(pg_depend, AccessShareLock);

	list_sort(triggers, compare_triggers);
	return triggers;
}

/*
 * guard_default_service
 *
 * The service table that is meant when none is named: the only guarded one;
 * among several, the only one that a guard labels 'service'.  InvalidOid if
 * that does not decide.  *service_relids, if not NULL, gets all of them;
 * *several_labelled whether there is more than one of that label.
 */
Oid
guard_default_service(Oid sibling, List **service_relids,
					  bool *several_labelled)
{
	List	   *relids = NIL;
	List	   *labelled = NIL;
	ListCell   *lc;

	foreach(lc, guard_list(sibling, SERVICE_SIDE))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
		GuardRule	rule = {0};

		relids = list_append_unique_oid(relids, trigger->relid);
		if (rule_read_arguments(&rule, SERVICE_SIDE, trigger->nargs,
								trigger->args) == NULL &&
			strcmp(rule.label, DEFAULT_LABEL) == 0)
			labelled = list_append_unique_oid(labelled, trigger->relid);
	}
	if (service_relids != NULL)
		*service_relids = relids;
	if (several_labelled != NULL)
		*several_labelled = list_length(labelled) > 1;

	if (list_length(relids) == 1)
		return linitial_oid(relids);
	if (list_length(labelled) == 1)
		return linitial_oid(labelled);
	return InvalidOid;
}


/* ----------------------------------------------------------------
 *		The cache
 * ----------------------------------------------------------------
 */

/*
 * guard_get
 *
 * The guard that a trigger belongs to.  trigger_oid is one of its two
 * triggers, or a clone of one on a partition; side says which.  Valid until
 * the end of the transaction.  An error if the guard cannot be understood.
 */
Guard *
guard_get(Oid trigger_oid, GuardSide side)
{
	GuardCacheEntry *entry;
	bool		found;
	GuardTrigger *trigger;
	uint64		count;

	if (guard_cache == NULL)
		guard_cache_init();

	entry = hash_search(guard_cache, &trigger_oid, HASH_ENTER, &found);
	if (!found)
		entry->guard = NULL;
	if (entry->guard != NULL && entry->guard->valid)
		return entry->guard;

	if (entry->guard != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		retired_guards = lappend(retired_guards, entry->guard);
		MemoryContextSwitchTo(old);
		entry->guard = NULL;
	}

	count = invalidation_count;
	trigger = guard_fetch_trigger(trigger_oid);
	if (trigger == NULL)
		elog(ERROR, "could not find trigger %u", trigger_oid);
	/* resolving may throw; then the entry stays empty */
	{
		Guard	   *guard = build_guard(trigger, side);

		MemoryContextSetParent(guard->context, CacheMemoryContext);
		guard->valid = (count == invalidation_count);

		/* resolving may have come back here and moved the entry */
		entry = hash_search(guard_cache, &trigger_oid, HASH_ENTER, &found);
		entry->guard = guard;
		return guard;
	}
}

/*
 * guard_of_service
 *
 * The guards of a service table (Guard *), in the order in which their
 * triggers fire.  sibling is any function of the extension.
 */
List *
guard_of_service(Relation service, Oid sibling)
{
	Oid			function = guard_function(sibling, SERVICE_FUNCTION);
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
		guards = lappend(guards, guard_get(lfirst_oid(lc), SERVICE_SIDE));
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
 * guard_free
 *
 * Free a guard made by guard_make(), its plans included.
 */
void
guard_free(Guard *guard)
{
	query_forget(&guard->count_plan);
	query_forget(&guard->orphans_plan);
	for (int key_of = SERVICE_SIDE; key_of <= BOOKING_SIDE; key_of++)
	{
		query_forget(&guard->service_plan[key_of][false]);
		query_forget(&guard->service_plan[key_of][true]);
	}
	query_forget(&guard->find_plan);
	query_forget(&guard->delete_plan);
	MemoryContextDelete(guard->context);
}

static void
guard_xact_callback(XactEvent event, void *arg)
{
	List	   *guards = retired_guards;
	ListCell   *lc;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;

	retired_guards = NIL;
	foreach(lc, guards)
		guard_free((Guard *) lfirst(lc));
	list_free(guards);
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
			guard->valid = false;
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
				concerned = guard->status_type_hash == hashvalue;
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
				concerned = guard->status_is_enum;
				break;
		}
		if (concerned || hashvalue == 0)
			guard->valid = false;
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


/* ----------------------------------------------------------------
 *		Resolving
 * ----------------------------------------------------------------
 */

/*
 * guard_make
 *
 * Resolve a rule whose tables are known: look up its columns, operators,
 * statuses and foreign keys.  carrier is the table whose rows the guard will
 * be asked about: the service or the booking table, as side says, or a
 * partition of it.  name is the guard's, or NULL if it is only about to be
 * made; error messages depend on that.  Made in a memory context of its own
 * below the current one, guard_free() frees it.
 *
 * Takes ACCESS SHARE locks on the tables, as reading them does, and keeps
 * them.
 */
Guard *
guard_make(const char *name, GuardSide side, const GuardRule *rule,
		   Oid sibling, Oid service_relid, Oid booking_relid,
		   Oid carrier_relid)
{
	MemoryContext context;
	MemoryContext old;
	Guard	   *guard;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"booking_guard guard",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);

	guard = palloc0(sizeof(Guard));
	guard->context = context;
	guard->name = name != NULL ? pstrdup(name) : NULL;
	guard->side = side;
	guard->rule = rule_copy(rule);
	guard->sibling = sibling;
	guard->service_relid = service_relid;
	guard->booking_relid = booking_relid;
	guard->carrier_relid = carrier_relid;

	resolve_key(guard);
	resolve_status(guard);
	resolve_time(guard);
	if (name != NULL)
		resolve_foreign_keys(guard);

	MemoryContextSwitchTo(old);
	return guard;
}

/*
 * What is wrong with a guard's trigger, as the end of a sentence; NULL if it
 * is as booking_guard_protect() makes it.  One that is made by hand might not
 * fire for some event, or only when foreign keys have had their way.
 */
static char *
trigger_problem(const GuardTrigger *trigger, GuardSide side)
{
	int16		type = TRIGGER_TYPE_AFTER | TRIGGER_TYPE_ROW |
		TRIGGER_TYPE_UPDATE |
		(side == SERVICE_SIDE ? TRIGGER_TYPE_DELETE : TRIGGER_TYPE_INSERT);
	const char *table = report_table_name(trigger->relid);

	if (trigger->type != type)
		return psprintf("its trigger on table %s is not AFTER %s OR UPDATE",
						table, side == SERVICE_SIDE ? "DELETE" : "INSERT");
	if (trigger->conditional)
		return psprintf("its trigger on table %s has a condition or a list of columns",
						table);
	if (side == SERVICE_SIDE && trigger->deferrable)
		return psprintf("its trigger on table %s is deferrable", table);
	return NULL;
}

/*
 * Resolve the guard that a trigger belongs to.
 */
static Guard *
build_guard(GuardTrigger *trigger, GuardSide side)
{
	GuardSide	other_side = side == SERVICE_SIDE ? BOOKING_SIDE : SERVICE_SIDE;
	Oid			carrier_relid = trigger->relid;
	GuardTrigger *partner;
	GuardTrigger *service;
	GuardTrigger *booking;
	GuardRule	rule = {0};
	char	   *problem;

	/* A partition's trigger is a clone; the guard is where it came from. */
	while (OidIsValid(trigger->parent))
	{
		trigger = guard_fetch_trigger(trigger->parent);
		if (trigger == NULL)
			elog(ERROR, "could not find the parent of a trigger");
	}

	if (!OidIsValid(trigger->from_relid))
		report_without_from(trigger);

	partner = guard_partner(trigger, other_side);
	if (partner == NULL)
		report_without_partner(trigger, side);
	service = side == SERVICE_SIDE ? trigger : partner;
	booking = side == SERVICE_SIDE ? partner : trigger;

	problem = trigger_problem(service, SERVICE_SIDE);
	if (problem == NULL)
		problem = trigger_problem(booking, BOOKING_SIDE);
	if (problem == NULL)
		problem = rule_read_arguments(&rule, SERVICE_SIDE,
									  service->nargs, service->args);
	if (problem == NULL)
		problem = rule_read_arguments(&rule, BOOKING_SIDE,
									  booking->nargs, booking->args);
	if (problem != NULL)
		report_bad_triggers(service, problem);

	return guard_make(trigger->name, side, &rule, trigger->function,
					  service->relid, booking->relid, carrier_relid);
}

/*
 * A column by its name; InvalidAttrNumber if the table has no such column.
 */
static AttrNumber
user_column(Oid relid, const char *name)
{
	AttrNumber	attnum = get_attnum(relid, name);

	return attnum > 0 ? attnum : InvalidAttrNumber;
}

/*
 * A column that a rule names, in the table that the rule is about; an error
 * if there is none of that name.
 */
static AttrNumber
rule_column(Guard *guard, Oid relid, const char *name, const char *option)
{
	AttrNumber	attnum = user_column(relid, name);

	if (attnum == InvalidAttrNumber)
		report_no_such_column(guard, relid, name, option);
	return attnum;
}

/*
 * The same column in the table that carries the trigger.
 */
static AttrNumber
carrier_column(Guard *guard, GuardSide side, const char *name)
{
	if (name == NULL || guard->side != side)
		return InvalidAttrNumber;
	return rule_column(guard, guard->carrier_relid, name, NULL);
}

/*
 * guard_key_values
 *
 * A row's key, as the parameters of a query.  The row is of the table that
 * carries the guard's trigger.
 */
void
guard_key_values(Guard *guard, TupleTableSlot *slot, KeyValues *key)
{
	key->n = guard->nkeys;
	for (int i = 0; i < guard->nkeys; i++)
		key->value[i] = slot_getattr(slot, guard->key[i].attnum,
									 &key->isnull[i]);
}

/*
 * guard_same_key
 *
 * Whether two versions of a row have the same key, bit for bit.  Keys that
 * are equal but look different (1.0 and 1.00) count as different here, which
 * costs a lock or a count and loses nothing.
 */
bool
guard_same_key(Guard *guard, TupleTableSlot *a, TupleTableSlot *b)
{
	for (int i = 0; i < guard->nkeys; i++)
	{
		AttrNumber	attnum = guard->key[i].attnum;
		Form_pg_attribute att = TupleDescAttr(a->tts_tupleDescriptor,
											  attnum - 1);
		bool		a_isnull;
		bool		b_isnull;
		Datum		a_value = slot_getattr(a, attnum, &a_isnull);
		Datum		b_value = slot_getattr(b, attnum, &b_isnull);

		if (a_isnull != b_isnull)
			return false;
		if (!a_isnull &&
			!datum_image_eq(a_value, b_value, att->attbyval, att->attlen))
			return false;
	}
	return true;
}

/*
 * guard_column_collation
 *
 * The collation of a column, InvalidOid if its type has none.
 */
Oid
guard_column_collation(Oid relid, AttrNumber attnum)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	return collation;
}

/*
 * guard_primary_key
 *
 * The names of a table's primary key columns, NIL if it has none.
 */
List *
guard_primary_key(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	List	   *names = NIL;

	list_free(RelationGetIndexList(rel));	/* sets rd_pkindex */
	if (OidIsValid(rel->rd_pkindex))
	{
		Relation	index = index_open(rel->rd_pkindex, AccessShareLock);

		for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			names = lappend(names,
							get_attname(relid,
										index->rd_index->indkey.values[i],
										false));
		index_close(index, AccessShareLock);
	}
	relation_close(rel, NoLock);
	return names;
}

/*
 * Whether an index is one that a guard's key may rest on, and if so which of
 * its columns is which of the key's (as list positions in position[]).
 *
 * It must be what a foreign key would ask for: unique, valid, not deferrable,
 * without predicate or expressions, on just these columns.  Then they are
 * among the columns that heap_update() looks at to tell a key change, and an
 * UPDATE of one conflicts with a booker's FOR KEY SHARE.
 */
static bool
index_serves_key(Guard *guard, Relation index, int *position)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisunique || !form->indisvalid || !form->indimmediate ||
		form->indnkeyatts != guard->nkeys ||
		RelationGetIndexPredicate(index) != NIL ||
		RelationGetIndexExpressions(index) != NIL ||
		index->rd_rel->relam != BTREE_AM_OID)
		return false;

	for (int i = 0; i < guard->nkeys; i++)
	{
		position[i] = -1;
		for (int j = 0; j < form->indnkeyatts; j++)
		{
			if (form->indkey.values[j] == guard->key[i].service_attnum)
				position[i] = j;
		}
		if (position[i] < 0)
			return false;
	}
	return true;
}

/*
 * Whether a booking's key can be compared as a value of the service index's
 * type.  A foreign key takes any implicit cast; we take only the server's own,
 * since the cast is evaluated as the owner of either table, and whoever made
 * the type of a column may have made a cast that runs code of theirs.
 */
static bool
can_compare_as(GuardKeyColumn *key, Oid opcintype)
{
	Oid			input_types[2];
	Oid			target_types[2];
	CoercionPathType path;
	Oid			function;

	/* opcintype may be polymorphic, hence the pair; see the server's code */
	input_types[0] = key->service_type;
	input_types[1] = key->booking_type;
	target_types[0] = opcintype;
	target_types[1] = opcintype;
	if (!can_coerce_type(2, input_types, target_types, COERCION_IMPLICIT))
		return false;

	if (IsPolymorphicType(opcintype))
		return true;
	path = find_coercion_pathway(opcintype, getBaseType(key->booking_type),
								 COERCION_IMPLICIT, &function);
	return path == COERCION_PATH_RELABELTYPE ||
		(path == COERCION_PATH_FUNC && function < FirstNormalObjectId);
}

/*
 * The operators that compare one column of the key.  Follows the choice that
 * ATAddForeignKeyConstraint() makes for a foreign key.
 */
static void
resolve_key_operators(Guard *guard, GuardKeyColumn *key,
					  Oid opfamily, Oid opcintype, Oid collation)
{
	Oid			booking_collation;

	key->service_eq_opr = get_opfamily_member(opfamily, opcintype, opcintype,
											  BTEqualStrategyNumber);
	if (!OidIsValid(key->service_eq_opr))
		elog(ERROR, "missing equality operator for type %u in opfamily %u",
			 opcintype, opfamily);

	key->eq_opr = get_opfamily_member(opfamily, opcintype,
									  getBaseType(key->booking_type),
									  BTEqualStrategyNumber);
	if (!OidIsValid(key->eq_opr))
	{
		if (!can_compare_as(key, opcintype))
			report_key_types_differ(guard, key);
		key->eq_opr = key->service_eq_opr;
	}

	/*
	 * All deterministic collations have the same equality, and a query that
	 * names none can use an index of any.  Only where a collation has a say
	 * in what is equal must that of the service's index be the one.
	 */
	booking_collation = guard_column_collation(guard->booking_relid,
											   key->booking_attnum);
	key->collation = InvalidOid;
	if (OidIsValid(collation) &&
		((OidIsValid(booking_collation) && booking_collation != collation &&
		  !get_collation_isdeterministic(booking_collation)) ||
		 !get_collation_isdeterministic(collation)))
		key->collation = collation;
}

static void
resolve_key(Guard *guard)
{
	const GuardRule *rule = guard->rule;
	Relation	service;
	List	   *indexes;
	ListCell   *lc;
	bool		found = false;

	guard->nkeys = list_length(rule->service_key);
	if (guard->nkeys != list_length(rule->booking_key) ||
		guard->nkeys > INDEX_MAX_KEYS)
		report_key_lengths_differ(guard);

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];

		key->service_name = list_nth(rule->service_key, i);
		key->booking_name = list_nth(rule->booking_key, i);
		key->service_attnum = rule_column(guard, guard->service_relid,
										   key->service_name, "service_key");
		key->booking_attnum = rule_column(guard, guard->booking_relid,
										   key->booking_name, "booking_key");
		key->service_type = get_atttype(guard->service_relid,
										key->service_attnum);
		key->booking_type = get_atttype(guard->booking_relid,
										key->booking_attnum);
		key->attnum = guard->side == SERVICE_SIDE ?
			carrier_column(guard, SERVICE_SIDE, key->service_name) :
			carrier_column(guard, BOOKING_SIDE, key->booking_name);

		for (int j = 0; j < i; j++)
		{
			if (guard->key[j].service_attnum == key->service_attnum ||
				guard->key[j].booking_attnum == key->booking_attnum)
				report_key_repeats(guard);
		}
	}

	if (rule->tenant_column != NULL)
	{
		guard->tenant_attnum = rule_column(guard, guard->service_relid,
											rule->tenant_column,
											"tenant_column");
		if (guard->side == SERVICE_SIDE)
			guard->tenant_attnum = carrier_column(guard, SERVICE_SIDE,
												  rule->tenant_column);
	}

	service = relation_open(guard->service_relid, AccessShareLock);
	indexes = RelationGetIndexList(service);
	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		int			position[INDEX_MAX_KEYS];

		if ((!found || index->rd_index->indisprimary) &&
			index_serves_key(guard, index, position))
		{
			found = true;
			guard->key_is_primary = index->rd_index->indisprimary;
			for (int i = 0; i < guard->nkeys; i++)
			{
				int			j = position[i];

				resolve_key_operators(guard, &guard->key[i],
									  index->rd_opfamily[j],
									  index->rd_opcintype[j],
									  index->rd_indcollation[j]);
			}
		}
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	relation_close(service, NoLock);

	if (!found)
		report_no_unique_index(guard);
}

/* Arguments and result of read_value(). */
typedef struct ValueReading
{
	Oid			type;
	const char *string;
	Datum		value;
} ValueReading;

static void
read_value(void *arg)
{
	ValueReading *reading = (ValueReading *) arg;
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(reading->type, &input, &ioparam);
	reading->value = OidInputFunctionCall(input, pstrdup(reading->string),
										  ioparam, -1);
}

/*
 * guard_try
 *
 * Call action(arg) in a subtransaction: NULL, or the error that it raised,
 * with what it had done undone.
 */
ErrorData *
guard_try(void (*action) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile edata = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return edata;
}

/*
 * One of the rule's statuses as a value of the status column's type.
 */
static Datum
read_status(Guard *guard, const char *label)
{
	ValueReading reading = {guard->status_base_type, label, (Datum) 0};
	ErrorData  *edata;

	if (guard->status_is_enum)
	{
		HeapTuple	tuple = NULL;
		Datum		value;

		if (strlen(label) < NAMEDATALEN)
			tuple = SearchSysCache2(ENUMTYPOIDNAME,
									ObjectIdGetDatum(guard->status_base_type),
									CStringGetDatum(label));
		if (!HeapTupleIsValid(tuple))
			report_unknown_status(guard, label);
		value = ObjectIdGetDatum(((Form_pg_enum) GETSTRUCT(tuple))->oid);
		ReleaseSysCache(tuple);
		return value;
	}

	/* The string types refuse nothing: spare them the subtransaction. */
	if (TypeCategory(guard->status_base_type) == TYPCATEGORY_STRING)
	{
		read_value(&reading);
		return reading.value;
	}

	edata = guard_try(read_value, &reading);
	if (edata != NULL)
	{
		if (ERRCODE_TO_CATEGORY(edata->sqlerrcode) != ERRCODE_DATA_EXCEPTION)
			ReThrowError(edata);
		report_unknown_status(guard, label);
	}
	return reading.value;
}

static void
resolve_status(Guard *guard)
{
	GuardRule  *rule = guard->rule;
	Oid			relid = guard->booking_relid;
	AttrNumber	attnum;
	TypeCacheEntry *typcache;
	List	   *labels;
	ListCell   *lc;

	if (rule->inactive_column != NULL)
	{
		(void) rule_column(guard, relid, rule->inactive_column,
							"inactive_column");
		guard->columns.inactive = carrier_column(guard, BOOKING_SIDE,
												 rule->inactive_column);
	}

	if (rule->status_column == NULL)
		return;

	attnum = rule_column(guard, relid, rule->status_column, "status_column");
	guard->columns.status = carrier_column(guard, BOOKING_SIDE,
										   rule->status_column);
	guard->status_type = get_atttype(relid, attnum);
	guard->status_base_type = getBaseType(guard->status_type);
	guard->status_collation = guard_column_collation(relid, attnum);
	guard->status_is_enum = type_is_enum(guard->status_base_type);
	guard->status_type_hash =
		GetSysCacheHashValue1(TYPEOID,
							  ObjectIdGetDatum(guard->status_base_type));

	typcache = lookup_type_cache(guard->status_base_type,
								 TYPECACHE_EQ_OPR_FINFO);
	if (!OidIsValid(typcache->eq_opr))
		report_status_without_equality(guard);
	guard->status_eq_opr = typcache->eq_opr;
	fmgr_info_copy(&guard->status_eq, &typcache->eq_opr_finfo,
				   guard->context);

	guard->statuses_block = rule->blocking_statuses != NIL;
	labels = guard->statuses_block ?
		rule->blocking_statuses : rule->free_statuses;
	guard->statuses = palloc(list_length(labels) * sizeof(Datum));
	foreach(lc, labels)
		guard->statuses[guard->nstatuses++] =
			read_status(guard, (char *) lfirst(lc));
}

static void
resolve_time(Guard *guard)
{
	GuardRule  *rule = guard->rule;
	AttrNumber	attnum;
	HeapTuple	tuple;

	guard->zone = pg_tzset(rule->time_zone);
	if (guard->zone == NULL)
		report_unknown_time_zone(guard);

	if (rule->time_column == NULL)
	{
		guard->time_kind = TIME_NONE;
		return;
	}

	attnum = rule_column(guard, guard->booking_relid, rule->time_column,
						  "time_column");
	guard->columns.time = carrier_column(guard, BOOKING_SIDE,
										 rule->time_column);
	guard->time_type = getBaseType(get_atttype(guard->booking_relid, attnum));

	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(guard->booking_relid),
							Int16GetDatum(attnum));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u",
			 attnum, guard->booking_relid);
	guard->time_not_null = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);

	switch (guard->time_type)
	{
		case TIMESTAMPTZOID:
			guard->time_kind = TIME_TIMESTAMPTZ;
			break;
		case TIMESTAMPOID:
			guard->time_kind = TIME_TIMESTAMP;
			break;
		case DATEOID:
			guard->time_kind = TIME_DATE;
			break;
		case TSTZRANGEOID:
			guard->time_kind = TIME_TSTZRANGE;
			break;
		case TSRANGEOID:
			guard->time_kind = TIME_TSRANGE;
			break;
		case DATERANGEOID:
			guard->time_kind = TIME_DATERANGE;
			break;
		default:
			report_time_type(guard);
	}
	if (type_is_range(guard->time_type))
		guard->range_type = lookup_type_cache(guard->time_type,
											  TYPECACHE_RANGE_INFO);
}

/*
 * Whether a foreign key is on the guard's very columns, and tells equal from
 * different keys as the guard does.  conkey and confkey are attribute numbers
 * of the constraint's own two tables, which may be partitions; the guard's
 * are given by those of its carrier and of the other table.
 */
static bool
foreign_key_matches(Guard *guard, HeapTuple tuple)
{
	int			nkeys;
	AttrNumber	conkey[INDEX_MAX_KEYS];
	AttrNumber	confkey[INDEX_MAX_KEYS];
	Oid			pf_eq_oprs[INDEX_MAX_KEYS];
	bool		on_booking = guard->side == BOOKING_SIDE;

	DeconstructFkConstraintRow(tuple, &nkeys, conkey, confkey, pf_eq_oprs,
							   NULL, NULL, NULL, NULL);
	if (nkeys != guard->nkeys)
		return false;

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];
		AttrNumber	booking = on_booking ? key->attnum : key->booking_attnum;
		AttrNumber	service = on_booking ? key->service_attnum : key->attnum;
		bool		matches = false;

		/*
		 * A foreign key compares by the service column's collation, not by
		 * that of its index.  Where one matters, trust none.
		 */
		if (OidIsValid(key->collation))
			return false;

		for (int j = 0; j < nkeys; j++)
		{
			if (conkey[j] == booking && confkey[j] == service &&
				pf_eq_oprs[j] == key->eq_opr)
				matches = true;
		}
		if (!matches)
			return false;
	}
	return true;
}

/*
 * Whether a trigger fires while session_replication_role is origin or local.
 * In a replica session the guard's own triggers do not fire either, unless
 * they were set to ALWAYS; see booking.c for what follows.
 */
static bool
trigger_is_enabled(const Trigger *trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/*
 * Whether all triggers of a foreign key on one of its tables are enabled, and
 * there are some.
 */
static bool
foreign_key_is_enabled(Relation rel, Oid constraint)
{
	bool		found = false;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgconstraint != constraint)
			continue;
		if (!trigger_is_enabled(trigger))
			return false;
		found = true;
	}
	return found;
}

/*
 * The constraint that a partition's constraint was cloned from.
 */
static Oid
constraint_root(Oid constraint)
{
	for (;;)
	{
		HeapTuple	tuple = SearchSysCache1(CONSTROID,
											ObjectIdGetDatum(constraint));
		Oid			parent;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for constraint %u", constraint);
		parent = ((Form_pg_constraint) GETSTRUCT(tuple))->conparentid;
		ReleaseSysCache(tuple);
		if (!OidIsValid(parent))
			return constraint;
		constraint = parent;
	}
}

/*
 * Note what a foreign key on the guard's columns does, which the guard then
 * need not do or may leave to it:
 *
 * - leans: its check at INSERT locks the service row FOR KEY SHARE and fails
 *   if there is none, at the end of the statement at the latest;
 * - defers: it may be told to check at the end of the transaction, and will
 *   then, whatever happened to either row meanwhile;
 * - cascades: it carries the bookings along when a service's key changes.
 *
 * Whether a constraint is in force is not to be read from pg_constraint
 * alone: after DISABLE TRIGGER ALL and ENABLE TRIGGER USER it is still
 * convalidated, and checks nothing.
 */
static void
resolve_foreign_keys(Guard *guard)
{
	Relation	carrier = relation_open(guard->carrier_relid, AccessShareLock);
	Oid			other_relid = guard->side == BOOKING_SIDE ?
		guard->service_relid : guard->booking_relid;
	Oid			function = guard->side == BOOKING_SIDE ?
		F_RI_FKEY_CHECK_INS : F_RI_FKEY_CASCADE_UPD;

	for (int i = 0; carrier->trigdesc && i < carrier->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &carrier->trigdesc->triggers[i];
		HeapTuple	tuple;
		Form_pg_constraint form;

		if (trigger->tgfoid != function ||
			trigger->tgconstrrelid != other_relid)
			continue;

		tuple = SearchSysCache1(CONSTROID,
								ObjectIdGetDatum(trigger->tgconstraint));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for constraint %u",
				 trigger->tgconstraint);
		form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype == CONSTRAINT_FOREIGN &&
			foreign_key_matches(guard, tuple) &&
			foreign_key_is_enabled(carrier, trigger->tgconstraint))
		{
			guard->foreign_key_hashes =
				lappend_int(guard->foreign_key_hashes,
							(int) GetSysCacheHashValue1(CONSTROID,
														ObjectIdGetDatum(form->oid)));
			if (guard->side == SERVICE_SIDE)
				guard->cascades = true;
			else if (form->convalidated && !form->condeferrable)
				guard->leans = true;
			else if (form->convalidated)
			{
				Relation	service = relation_open(guard->service_relid,
													AccessShareLock);

				if (foreign_key_is_enabled(service,
										   constraint_root(form->oid)))
					guard->defers = true;
				relation_close(service, NoLock);
			}
		}
		ReleaseSysCache(tuple);
	}
	relation_close(carrier, NoLock);
}

/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Guards' triggers, functions and tables, as the catalog has them.
 *
 * Triggers are read without a lock on their table: what is found may be gone
 * in the next moment, unless the caller holds one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "guard.h"


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
	if (form->tgnargs > 0)
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
 * Scan pg_trigger by one of its indexes: all matches (GuardTrigger *).
 */
static List *
scan_triggers(Oid indexid, int nkeys, ScanKey keys)
{
	Relation	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *triggers = NIL;

	scan = systable_beginscan(pg_trigger, indexid, true, NULL, nkeys, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		triggers = lappend(triggers,
						   read_trigger(tuple, RelationGetDescr(pg_trigger)));
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
	return triggers;
}

/*
 * The same by a key of which there is at most one: that, or NULL.
 */
static GuardTrigger *
scan_trigger(Oid indexid, int nkeys, ScanKey keys)
{
	List	   *triggers = scan_triggers(indexid, nkeys, keys);

	return triggers != NIL ? (GuardTrigger *) linitial(triggers) : NULL;
}

/*
 * catalog_trigger
 *
 * A trigger by its OID, or NULL.  Takes no lock on its table.
 */
GuardTrigger *
catalog_trigger(Oid trigger_oid)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger_oid));
	return scan_trigger(TriggerOidIndexId, 1, &key);
}

/*
 * catalog_trigger_by_name
 *
 * A table's trigger by its name, or NULL.  Takes no lock on the table.
 */
GuardTrigger *
catalog_trigger_by_name(Oid relid, const char *name)
{
	ScanKeyData key[2];

	ScanKeyInit(&key[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&key[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(name));
	return scan_trigger(TriggerRelidNameIndexId, 2, key);
}

/*
 * catalog_root_trigger
 *
 * The trigger that a partition's trigger was cloned from, by way of others
 * maybe; itself if it is no clone.
 */
const GuardTrigger *
catalog_root_trigger(const GuardTrigger *trigger)
{
	while (OidIsValid(trigger->parent))
	{
		trigger = catalog_trigger(trigger->parent);
		if (trigger == NULL)
			elog(ERROR, "could not find the parent of a trigger");
	}
	return trigger;
}

/*
 * catalog_triggers_on
 *
 * A table's triggers (GuardTrigger *) that call this function, clones
 * included, in the order of their names.
 */
List *
catalog_triggers_on(Oid relid, Oid function)
{
	ScanKeyData key;
	List	   *triggers = NIL;
	ListCell   *lc;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	foreach(lc, scan_triggers(TriggerRelidNameIndexId, 1, &key))
	{
		if (((GuardTrigger *) lfirst(lc))->function == function)
			triggers = lappend(triggers, lfirst(lc));
	}
	return triggers;
}

/*
 * catalog_guard_triggers
 *
 * The guards' triggers on one side of a table (GuardTrigger *), clones
 * included.  sibling is any function of the extension.
 */
List *
catalog_guard_triggers(Oid relid, GuardSide side, Oid sibling)
{
	return catalog_triggers_on(relid,
							   catalog_function(sibling,
												side == SERVICE_SIDE ?
												SERVICE_FUNCTION :
												BOOKING_FUNCTION));
}

/*
 * catalog_lock_labels
 *
 * If a column's type is an enum, or a domain over one, keep its labels from
 * being renamed until the transaction ends, after waiting for whoever renames
 * one: RenameEnumLabel() locks the type.  column may be NULL.
 */
void
catalog_lock_labels(Oid relid, const char *column)
{
	Oid			type;

	if (column == NULL)
		return;
	type = get_atttype(relid, get_attnum(relid, column));
	if (OidIsValid(type) && type_is_enum(getBaseType(type)))
		LockDatabaseObject(TypeRelationId, getBaseType(type), 0, ShareLock);
}

static bool
same_arguments(const GuardTrigger *a, const GuardTrigger *b)
{
	if (a->nargs != b->nargs)
		return false;
	for (int i = 0; i < a->nargs; i++)
	{
		if (strcmp(a->args[i], b->args[i]) != 0)
			return false;
	}
	return true;
}

/*
 * catalog_write_arguments
 *
 * Give a trigger, and its clones on partitions, other arguments (char *), as
 * the server gives triggers other names: renametrig().  Takes no lock on any
 * table: no other session depends on the arguments for more than what it
 * looks up in the same moment, and each is told to look again.  The caller has
 * either locked the table, and the labels with catalog_lock_labels(), or the
 * type of the labels.
 */
void
catalog_write_arguments(const GuardTrigger *trigger, List *arguments)
{
	Relation	pg_trigger = table_open(TriggerRelationId, RowExclusiveLock);
	StringInfoData bytes;
	Datum		values[Natts_pg_trigger] = {0};
	bool		nulls[Natts_pg_trigger] = {false};
	bool		replaces[Natts_pg_trigger] = {false};
	ListCell   *lc;

	initStringInfo(&bytes);
	foreach(lc, arguments)
		appendBinaryStringInfo(&bytes, (char *) lfirst(lc),
							   strlen((char *) lfirst(lc)) + 1);
	values[Anum_pg_trigger_tgnargs - 1] = Int16GetDatum(list_length(arguments));
	replaces[Anum_pg_trigger_tgnargs - 1] = true;
	values[Anum_pg_trigger_tgargs - 1] =
		PointerGetDatum(cstring_to_text_with_len(bytes.data, bytes.len));
	replaces[Anum_pg_trigger_tgargs - 1] = true;

	foreach(lc, find_all_inheritors(trigger->relid, NoLock, NULL))
	{
		Oid			relid = lfirst_oid(lc);
		ScanKeyData key[2];
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&key[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
					F_OIDEQ, ObjectIdGetDatum(relid));
		ScanKeyInit(&key[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber,
					F_NAMEEQ, CStringGetDatum(trigger->name));
		scan = systable_beginscan(pg_trigger, TriggerRelidNameIndexId, true,
								  NULL, 2, key);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple) &&
			((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == trigger->function)
		{
			/* what others wrote since it was read must not be lost */
			if (!same_arguments(trigger,
								read_trigger(tuple,
											 RelationGetDescr(pg_trigger))))
				elog(ERROR, "tuple concurrently updated");
			tuple = heap_modify_tuple(tuple, RelationGetDescr(pg_trigger),
									  values, nulls, replaces);
			CatalogTupleUpdate(pg_trigger, &tuple->t_self, tuple);
			CacheInvalidateRelcacheByRelid(relid);
		}
		systable_endscan(scan);
	}
	table_close(pg_trigger, RowExclusiveLock);
	CommandCounterIncrement();
}

/*
 * catalog_function
 *
 * The OID of one of the extension's functions that take no arguments, given
 * any function of the extension: they share a schema, wherever that is.
 *
 * ALTER EXTENSION ... SET SCHEMA locks none of the guarded tables, so it may
 * come in between.  What we know of the sibling may be old then, while a
 * lookup that has to read the catalog sees what is new; but on its way there
 * it also learns what has changed, so that looking again is enough.
 */
Oid
catalog_function(Oid sibling, const char *name)
{
	oidvector  *no_arguments = buildoidvector(NULL, 0);

	for (;;)
	{
		Oid			schema = get_func_namespace(sibling);
		Oid			function;

		function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
								   CStringGetDatum(name),
								   PointerGetDatum(no_arguments),
								   ObjectIdGetDatum(schema));
		if (OidIsValid(function))
			return function;
		if (get_func_namespace(sibling) == schema)
			elog(ERROR, "could not find function %s", name);
	}
}

/*
 * catalog_partner
 *
 * The other trigger of a guard, given one of them (not a clone): the trigger
 * of the same name on the other table, FROM this one.  NULL if there is none.
 */
GuardTrigger *
catalog_partner(const GuardTrigger *trigger, GuardSide partner_side)
{
	GuardTrigger *partner = catalog_trigger_by_name(trigger->from_relid,
											   trigger->name);

	if (partner == NULL ||
		partner->from_relid != trigger->relid ||
		partner->function != catalog_function(trigger->function,
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
 * catalog_triggers_of
 *
 * All triggers of this database (GuardTrigger *) that execute a function,
 * clones on partitions too, ordered by table and name.  Found by what depends
 * on the function, which pg_depend can be asked by an index.
 */
List *
catalog_triggers_of(Oid function)
{
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
		trigger = catalog_trigger(form->objid);
		/* whatever was dropped since the scan began is no trigger any more */
		if (trigger != NULL &&
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
 * catalog_guards
 *
 * All guards of this database: their triggers (GuardTrigger *) on the service
 * side, or on the booking side, ordered by table and name.  Clones on
 * partitions are left out.
 */
List *
catalog_guards(Oid sibling, GuardSide side)
{
	List	   *guards = NIL;
	ListCell   *lc;

	foreach(lc, catalog_triggers_of(catalog_function(sibling,
													 side == SERVICE_SIDE ?
													 SERVICE_FUNCTION :
													 BOOKING_FUNCTION)))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);

		if (!OidIsValid(trigger->parent))
			guards = lappend(guards, trigger);
	}
	return guards;
}

/*
 * catalog_default_service
 *
 * The service table that is meant when none is named: the only guarded one;
 * among several, the only one that a guard labels 'service'.  InvalidOid if
 * that does not decide.  *service_relids gets all of them, *several_labelled
 * whether there is more than one of that label.
 */
Oid
catalog_default_service(Oid sibling, List **service_relids,
					  bool *several_labelled)
{
	List	   *relids = NIL;
	List	   *labelled = NIL;
	ListCell   *lc;

	foreach(lc, catalog_guards(sibling, SERVICE_SIDE))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
		GuardRule	rule = {0};

		relids = list_append_unique_oid(relids, trigger->relid);
		if (rule_read_arguments(&rule, SERVICE_SIDE, trigger->nargs,
								trigger->args) == NULL &&
			strcmp(rule.label, DEFAULT_LABEL) == 0)
			labelled = list_append_unique_oid(labelled, trigger->relid);
	}
	*service_relids = relids;
	*several_labelled = list_length(labelled) > 1;

	if (list_length(relids) == 1)
		return linitial_oid(relids);
	if (list_length(labelled) == 1)
		return linitial_oid(labelled);
	return InvalidOid;
}

/*
 * catalog_parents
 *
 * The tables that a table inherits from, or is a partition of.
 */
List *
catalog_parents(Oid relid)
{
	Relation	pg_inherits = table_open(InheritsRelationId, AccessShareLock);
	List	   *parents = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_inherits, InheritsRelidSeqnoIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		parents = lappend_oid(parents,
							  ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(pg_inherits, AccessShareLock);
	return parents;
}

/*
 * catalog_column_collation
 *
 * The collation of a column, InvalidOid if its type has none.
 */
Oid
catalog_column_collation(Oid relid, AttrNumber attnum)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	return collation;
}

/*
 * catalog_primary_key
 *
 * The names of a table's primary key columns, NIL if it has none.
 */
List *
catalog_primary_key(Oid relid)
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
 * catalog_enum_labels
 *
 * The labels of an enum type, in order.
 */
List *
catalog_enum_labels(Oid type)
{
	Relation	pg_enum = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	List	   *labels = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan_ordered(pg_enum, index, NULL, 1, &key);
	while ((tuple = systable_getnext_ordered(scan,
											 ForwardScanDirection)) != NULL)
		labels = lappend(labels,
						 pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel)));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(pg_enum, AccessShareLock);
	return labels;
}

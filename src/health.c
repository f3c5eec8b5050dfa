/*-------------------------------------------------------------------------
 *
 * health.c
 *	  booking_guard_health(): what weakens the guards now.
 *
 * Each finding comes with statements that end it; those that make a guard
 * anew are mend.c's.  Where what the user meant cannot be known, they err on
 * the side of refusing too much, and name what there is to choose from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_event_trigger.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_health);

/* In the order in which a guard's findings are listed. */
typedef enum Severity
{
	SEVERITY_ERROR,				/* the promise is not kept, or all is refused */
	SEVERITY_WARNING,			/* slow, or weaker than it looks */
	SEVERITY_INFO				/* as it was asked for; but look */
} Severity;

typedef struct Finding
{
	const char *guard;			/* NULL: not of a single guard */
	Severity	severity;
	int			number;			/* in the order in which they were found */
	const char *problem;		/* sentences */
	const char *fix;			/* statements */
} Finding;

/* An examination, and what it has found. */
typedef struct Checkup
{
	Oid			sibling;		/* a function of the extension */
	bool		scan;			/* read the bookings, too */
	List	   *services;		/* tables whose shared triggers were looked at */
	List	   *findings;		/* Finding * */
} Checkup;


static void
add_finding(Checkup *checkup, const char *guard, Severity severity,
			const char *problem, const char *fix)
{
	Finding    *finding = palloc(sizeof(Finding));

	finding->guard = guard;
	finding->severity = severity;
	finding->number = list_length(checkup->findings);
	finding->problem = problem;
	finding->fix = fix;
	checkup->findings = lappend(checkup->findings, finding);
}

/*
 * By guard, those of none first; then the worst first.
 */
static int
compare_findings(const ListCell *a, const ListCell *b)
{
	const Finding *fa = lfirst(a);
	const Finding *fb = lfirst(b);
	int			by_guard = strcmp(fa->guard ? fa->guard : "",
								  fb->guard ? fb->guard : "");

	if (by_guard != 0)
		return by_guard;
	if (fa->severity != fb->severity)
		return fa->severity < fb->severity ? -1 : 1;
	return fa->number < fb->number ? -1 : 1;
}

/* "a", "b" */
static char *
quoted_list(List *words)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, words)
		appendStringInfo(&buf, "%s\"%s\"", lc == list_head(words) ? "" : ", ",
						 (char *) lfirst(lc));
	return buf.data;
}

static char *
drop_trigger(const GuardTrigger *trigger)
{
	return psprintf("DROP TRIGGER %s ON %s;", quote_identifier(trigger->name),
					rule_table_name(trigger->relid));
}


/* ----------------------------------------------------------------
 *		A guard that cannot be enforced
 * ----------------------------------------------------------------
 */

/*
 * Resolve a guard that has both its triggers, and turn the error, if there is
 * one, into a finding.
 */
static Guard *
try_guard(Checkup *checkup, const GuardTrigger *service,
		  const GuardTrigger *booking)
{
	ErrorData  *edata;
	Guard	   *guard = guard_try(service->oid, SERVICE_SIDE, &edata);

	if (guard == NULL)
	{
		char	   *end = strstr(edata->detail, REPORT_REFUSES_MEANWHILE);

		if (end != NULL)
			*end = '\0';
		add_finding(checkup, service->name, SEVERITY_ERROR,
					psprintf("%s %s", edata->message, edata->detail),
					mend_broken_guard(checkup->sibling, service, booking));
	}
	return guard;
}

/*
 * Report a trigger that does not say FROM which table.
 */
static void
report_lone_trigger(Checkup *checkup, const GuardTrigger *trigger)
{
	add_finding(checkup, trigger->name, SEVERITY_ERROR,
				psprintf("Trigger \"%s\" on table %s is no guard: it does not say FROM which table. It refuses whatever fires it.",
						 trigger->name, report_table_name(trigger->relid)),
				drop_trigger(trigger));
}

/*
 * Report a guard of which only the trigger on this side is there.
 */
static void
check_half(Checkup *checkup, const GuardTrigger *half, GuardSide side)
{
	const GuardTrigger *other;
	char	   *fix = mend_half_guard(checkup->sibling, half, side, &other);

	if (other == NULL)
		add_finding(checkup, half->name, SEVERITY_ERROR,
					psprintf("Guard \"%s\" on table %s cannot be enforced: its trigger on table %s is missing, and with it the options it kept.",
							 half->name,
							 report_table_name(side == SERVICE_SIDE ?
											   half->relid : half->from_relid),
							 report_table_name(half->from_relid)),
					fix);
	else if (side == SERVICE_SIDE)	/* one finding for both halves */
		add_finding(checkup, half->name, SEVERITY_ERROR,
					psprintf("Guard \"%s\" on table %s cannot be enforced: its trigger on table %s has another name, \"%s\".",
							 half->name, report_table_name(half->relid),
							 report_table_name(other->relid), other->name),
					fix);
}


/* ----------------------------------------------------------------
 *		Triggers
 * ----------------------------------------------------------------
 */

/*
 * Lock the tables of a guard that was listed without a lock, and look at its
 * trigger again: NULL if it is gone.
 */
static GuardTrigger *
lock_guard(const GuardTrigger *trigger)
{
	LockRelationOid(trigger->relid, AccessShareLock);
	if (OidIsValid(trigger->from_relid))
		LockRelationOid(trigger->from_relid, AccessShareLock);
	return catalog_trigger(trigger->oid);
}

/*
 * Report a trigger that does not fire for ordinary sessions.
 */
static void
check_enabled(Checkup *checkup, const char *guard, Severity severity,
			  const GuardTrigger *trigger)
{
	if (resolve_trigger_is_enabled(trigger->enabled))
		return;
	add_finding(checkup, guard, severity,
				psprintf(trigger->enabled == TRIGGER_FIRES_ON_REPLICA ?
						 "Trigger \"%s\" on table %s fires for replicated changes only." :
						 "Trigger \"%s\" on table %s is disabled.",
						 trigger->name, report_table_name(trigger->relid)),
				psprintf("ALTER TABLE %s ENABLE TRIGGER %s;",
						 rule_table_name(trigger->relid),
						 quote_identifier(trigger->name)));
}

/*
 * The same of one of a guard's two triggers, and of its clones on partitions.
 */
static void
check_clones_enabled(Checkup *checkup, const GuardTrigger *trigger)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(trigger->relid, AccessShareLock, NULL))
	{
		ListCell   *l;

		/* By its root: before PostgreSQL 15 a clone can have another name. */
		foreach(l, catalog_triggers_on(lfirst_oid(lc), trigger->function))
		{
			GuardTrigger *clone = (GuardTrigger *) lfirst(l);

			if (catalog_root_trigger(clone)->oid == trigger->oid)
				check_enabled(checkup, trigger->name, SEVERITY_ERROR, clone);
		}
	}
}

/*
 * Tell if only one of a guard's triggers fires for replicated changes as
 * well.  In ordinary sessions the guard is whole; and the one may be all that
 * is wanted, say if only bookings are replicated.
 */
static void
check_replicas(Checkup *checkup, const GuardTrigger *service,
			   const GuardTrigger *booking)
{
	bool		on_service = service->enabled == TRIGGER_FIRES_ALWAYS;
	bool		on_booking = booking->enabled == TRIGGER_FIRES_ALWAYS;
	const GuardTrigger *always = on_service ? service : booking;
	const GuardTrigger *other = on_service ? booking : service;

	if (on_service == on_booking)
		return;
	add_finding(checkup, service->name, SEVERITY_INFO,
				psprintf("Its trigger on table %s judges replicated changes too, that on table %s does not: a deleted service and its booking can pass if both are replicated.",
						 report_table_name(always->relid),
						 report_table_name(other->relid)),
				psprintf("ALTER TABLE %s ENABLE TRIGGER %s;",
						 rule_table_name(always->relid),
						 quote_identifier(always->name)));
}

/* A trigger that the guards of a table share. */
typedef struct SharedTrigger
{
	const char *name;
	const char *function;
	const char *event;			/* as CREATE TRIGGER has them */
	const char *level;
	int16		type;
	Severity	severity;		/* of its want */
} SharedTrigger;

/*
 * Without the one that refuses early, the final verdict is still to come.
 */
static const SharedTrigger before_delete = {
	BEFORE_DELETE_TRIGGER_NAME, BEFORE_DELETE_FUNCTION,
	"BEFORE DELETE", "ROW",
	TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_ROW | TRIGGER_TYPE_DELETE,
	SEVERITY_WARNING
};

static const SharedTrigger after_truncate = {
	TRUNCATE_TRIGGER_NAME, TRUNCATE_FUNCTION,
	"AFTER TRUNCATE", "STATEMENT",
	TRIGGER_TYPE_AFTER | TRIGGER_TYPE_STATEMENT | TRIGGER_TYPE_TRUNCATE,
	SEVERITY_ERROR
};

/*
 * A name for a trigger that is in our way: free on its table, and firing
 * before ours.
 */
static char *
free_trigger_name(const GuardTrigger *trigger)
{
	char	   *name = trigger->name;

	do
	{
		name = makeObjectName("my", name, NULL);
	} while (catalog_trigger_by_name(trigger->relid, name) != NULL);
	return name;
}

/*
 * Report one of the shared triggers on a service table or a partition of it,
 * if it is not there, does not fire, or is something else.
 */
static void
check_shared(Checkup *checkup, const GuardTrigger *service, Oid relid,
			 const SharedTrigger *shared)
{
	GuardTrigger *trigger = catalog_trigger_by_name(relid, shared->name);
	const char *table = report_table_name(relid);
	char	   *create = psprintf("CREATE TRIGGER %s %s ON %s FOR EACH %s EXECUTE FUNCTION %s();",
								  shared->name, shared->event,
								  rule_table_name(relid), shared->level,
								  rule_function_name(checkup->sibling,
													 shared->function));

	if (trigger == NULL)
		add_finding(checkup, service->name, shared->severity,
					psprintf("Trigger \"%s\" on table %s is missing.",
							 shared->name, table),
					create);
	else if (trigger->function != catalog_function(checkup->sibling,
												   shared->function))
		add_finding(checkup, service->name, shared->severity,
					psprintf("Trigger \"%s\" on table %s is not booking_guard's.",
							 shared->name, table),
					psprintf("%s %s",
							 mend_rename_trigger(trigger,
											free_trigger_name(trigger)),
							 create));
	else if (trigger->type != shared->type || trigger->conditional)
		add_finding(checkup, service->name, shared->severity,
					psprintf("Trigger \"%s\" on table %s does not fire %s FOR EACH %s.",
							 shared->name, table, shared->event,
							 shared->level),
					psprintf("%s %s", drop_trigger(trigger), create));
	else
		check_enabled(checkup, service->name, shared->severity, trigger);
}

/*
 * Tell of triggers that fire after ours refuses early.  If one of them
 * cancels the bookings of a service that is deleted, it never gets to do so.
 * On a partition ours leaves the verdict to the one that comes last.
 */
static void
check_late_triggers(Checkup *checkup, const GuardTrigger *service)
{
	Relation	rel = relation_open(service->relid, AccessShareLock);
	Oid			ours = catalog_function(checkup->sibling,
										BEFORE_DELETE_FUNCTION);

	/* A copy: catalog lookups may make the relation forget its own. */
	TriggerDesc *trigdesc = CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; trigdesc != NULL && i < trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &trigdesc->triggers[i];
		GuardTrigger *late;

		if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
			!TRIGGER_FOR_ROW(trigger->tgtype) ||
			!TRIGGER_FOR_BEFORE(trigger->tgtype) ||
			!TRIGGER_FOR_DELETE(trigger->tgtype) ||
			trigger->tgfoid == ours ||
			!resolve_trigger_is_enabled(trigger->tgenabled) ||
			strcmp(trigger->tgname, BEFORE_DELETE_TRIGGER_NAME) <= 0)
			continue;
		late = catalog_trigger(trigger->tgoid);
		if (late == NULL)
			continue;
		add_finding(checkup, service->name, SEVERITY_INFO,
					psprintf("Trigger \"%s\" on table %s fires after the guard has looked: if it cancels bookings, the delete is refused before it can.",
							 late->name, report_table_name(late->relid)),
					mend_rename_trigger(late, free_trigger_name(late)));
	}
	relation_close(rel, NoLock);
}

/*
 * Check a guard's own triggers, and those that it shares, unless another
 * guard of its service table was examined before.
 */
static void
check_triggers(Checkup *checkup, const GuardTrigger *service,
			   const GuardTrigger *booking)
{
	ListCell   *lc;

	if (strcmp(service->name, RI_TRIGGER_NAME_PREFIX) >= 0)
		add_finding(checkup, service->name, SEVERITY_ERROR,
					psprintf("Its trigger on table %s fires after the triggers of foreign keys.",
							 report_table_name(service->relid)),
					report_rename_fix(service->name, service->relid,
									  service->from_relid));
	check_clones_enabled(checkup, service);
	check_clones_enabled(checkup, booking);
	check_replicas(checkup, service, booking);

	if (list_member_oid(checkup->services, service->relid))
		return;
	checkup->services = lappend_oid(checkup->services, service->relid);

	/*
	 * A trigger for each row is cloned to partitions, and a clone cannot be
	 * dropped; one for TRUNCATE is not, and each partition has its own.
	 */
	check_shared(checkup, service, service->relid, &before_delete);
	foreach(lc, find_all_inheritors(service->relid, AccessShareLock, NULL))
		check_shared(checkup, service, lfirst_oid(lc), &after_truncate);
	check_late_triggers(checkup, service);
}

/*
 * Report a trigger that was cloned to a partition which is none any more: it
 * was detached while the event triggers were off.
 */
static void
check_clone(Checkup *checkup, const GuardTrigger *clone, GuardSide side)
{
	const GuardTrigger *root = clone;
	GuardRule	rule = {0};
	Oid			service_relid;
	Oid			booking_relid;

	if (!OidIsValid(clone->parent) || get_rel_relispartition(clone->relid))
		return;
	root = catalog_root_trigger(clone);
	for (int s = SERVICE_SIDE; s <= BOOKING_SIDE; s++)
	{
		const GuardTrigger *half = s == (int) side ?
			root : catalog_partner(root, s);

		if (half == NULL ||
			rule_read_arguments(&rule, s, half->nargs, half->args) != NULL)
			return;
	}
	service_relid = side == SERVICE_SIDE ? root->relid : root->from_relid;
	booking_relid = side == SERVICE_SIDE ? root->from_relid : root->relid;
	add_finding(checkup, root->name, SEVERITY_WARNING,
				psprintf("Table %s is no partition of table %s any more, but still has its trigger \"%s\".",
						 report_table_name(clone->relid),
						 report_table_name(root->relid), clone->name),
				psprintf("%s %s",
						 mend_unprotect_call(checkup->sibling, service_relid,
											 booking_relid,
											 rule.booking_key),
						 rule_definition(&rule, checkup->sibling,
										 service_relid, booking_relid)));
}

/*
 * Report shared triggers on tables that no guard stands on.  A table that is
 * a partition of a guarded one has a clone of the guard's trigger.
 */
static void
check_left_over(Checkup *checkup)
{
	static const SharedTrigger *const shared[] = {&before_delete,
	&after_truncate};
	List	   *guarded = NIL;
	ListCell   *lc;

	foreach(lc, catalog_triggers_of(catalog_function(checkup->sibling,
													 SERVICE_FUNCTION)))
		guarded = list_append_unique_oid(guarded,
										 ((GuardTrigger *) lfirst(lc))->relid);

	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		foreach(lc, catalog_triggers_of(catalog_function(checkup->sibling,
														 side == SERVICE_SIDE ?
														 SERVICE_FUNCTION :
														 BOOKING_FUNCTION)))
			check_clone(checkup, (GuardTrigger *) lfirst(lc), side);
	}

	for (int i = 0; i < (int) lengthof(shared); i++)
	{
		Oid			function = catalog_function(checkup->sibling,
												shared[i]->function);

		foreach(lc, catalog_triggers_of(function))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);

			if (OidIsValid(trigger->parent) ||
				list_member_oid(guarded, trigger->relid))
				continue;
			add_finding(checkup, trigger->name, SEVERITY_WARNING,
						psprintf("Trigger \"%s\" on table %s is left over: no guard stands on the table.",
								 trigger->name,
								 report_table_name(trigger->relid)),
						drop_trigger(trigger));
		}
	}
}


/* ----------------------------------------------------------------
 *		What a guard rests on
 * ----------------------------------------------------------------
 */

static Oid
type_schema(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			namespace_oid;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	namespace_oid = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return namespace_oid;
}

/*
 * Report a right that a table's owner needs, since the guard reads as the
 * owner, and that was revoked.  False if there is one.
 */
static bool
check_rights(Checkup *checkup, Guard *guard, GuardSide side)
{
	Oid			relid = side == SERVICE_SIDE ?
		guard->service_relid : guard->booking_relid;
	List	   *schemas = list_make1_oid(get_rel_namespace(relid));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;
	const char *owner_name;
	const char *privileges = NULL;
	bool		may_read;
	bool		may_lock;
	StringInfoData fix;
	ListCell   *lc;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	owner_name = quote_identifier(GetUserNameFromId(owner, false));

	/* A booker's query says where the service's row is: in system columns. */
	may_read = pg_class_aclcheck(relid, owner, ACL_SELECT) == ACLCHECK_OK ||
		(side == BOOKING_SIDE &&
		 pg_attribute_aclcheck_all(relid, owner, ACL_SELECT,
								   ACLMASK_ALL) == ACLCHECK_OK);
	/* A booker's lock on the service row wants this one, on any column. */
	may_lock = side == BOOKING_SIDE ||
		pg_class_aclcheck(relid, owner, ACL_UPDATE) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, owner, ACL_UPDATE,
								  ACLMASK_ANY) == ACLCHECK_OK;

	/* The statuses are written as values of their type. */
	if (side == BOOKING_SIDE && OidIsValid(guard->status_base_type))
		schemas = list_append_unique_oid(schemas,
										 type_schema(guard->status_base_type));

	initStringInfo(&fix);
	foreach(lc, schemas)
	{
		if (!compat_may_use_schema(lfirst_oid(lc), owner))
			appendStringInfo(&fix, "%sGRANT USAGE ON SCHEMA %s TO %s;",
							 fix.len > 0 ? " " : "",
							 quote_identifier(get_namespace_name(lfirst_oid(lc))),
							 owner_name);
	}
	if (!may_read || !may_lock)
		privileges = may_lock ? "SELECT" : may_read ? "UPDATE" :
			"SELECT, UPDATE";
	if (privileges != NULL)
		appendStringInfo(&fix, "%sGRANT %s ON %s TO %s;",
						 fix.len > 0 ? " " : "", privileges,
						 rule_table_name(relid), owner_name);
	if (fix.len == 0)
		return true;

	add_finding(checkup, guard->name, SEVERITY_ERROR,
				psprintf("The guard reads table %s as its owner, role %s, who may not %s it: whatever needs that fails.",
						 report_table_name(relid), owner_name,
						 may_read && !may_lock ? "lock rows of" : "read"),
				fix.data);
	return false;
}

/*
 * Report a foreign key on the guard's columns that does not do its part.  The
 * guard leans on none that does not, so the promise is kept; but whoever
 * reads the schema may think otherwise.
 */
static void
check_foreign_key(Checkup *checkup, Guard *guard, Form_pg_constraint form)
{
	const char *name = quote_identifier(NameStr(form->conname));
	const char *table = rule_table_name(guard->booking_relid);
	Oid			relids[] = {guard->booking_relid, guard->service_relid};

	if (!compat_is_enforced(form))
	{
		add_finding(checkup, guard->name, SEVERITY_WARNING,
					psprintf("Foreign key %s of table %s is NOT ENFORCED.",
							 name, table),
					psprintf("ALTER TABLE %s ALTER CONSTRAINT %s ENFORCED;",
							 table, name));
		return;
	}

	for (int i = 0; i < (int) lengthof(relids); i++)
	{
		ListCell   *lc;

		foreach(lc, find_all_inheritors(relids[i], AccessShareLock, NULL))
		{
			Oid			relid = lfirst_oid(lc);
			Relation	rel = relation_open(relid, NoLock);
			TriggerDesc *trigdesc = CopyTriggerDesc(rel->trigdesc);
			StringInfoData fix;

			initStringInfo(&fix);
			for (int t = 0; trigdesc != NULL && t < trigdesc->numtriggers; t++)
			{
				const Trigger *trigger = &trigdesc->triggers[t];

				if (RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_NONE ||
					!OidIsValid(trigger->tgconstraint) ||
					resolve_trigger_is_enabled(trigger->tgenabled) ||
					resolve_constraint_root(trigger->tgconstraint) != form->oid)
					continue;
				appendStringInfo(&fix, "%sALTER TABLE %s ENABLE TRIGGER %s;",
								 fix.len > 0 ? " " : "",
								 rule_table_name(relid),
								 quote_identifier(trigger->tgname));
			}
			relation_close(rel, NoLock);
			if (fix.len > 0)
				add_finding(checkup, guard->name, SEVERITY_WARNING,
							psprintf("Triggers of foreign key %s on table %s are disabled.",
									 name, report_table_name(relid)),
							fix.data);
		}
	}

	if (!form->convalidated)
		add_finding(checkup, guard->name, SEVERITY_WARNING,
					psprintf("Foreign key %s of table %s is NOT VALID: bookings that are past or cancelled may point at no service.",
							 name, table),
					psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;",
							 table, name));
}

static void
check_foreign_keys(Checkup *checkup, Guard *guard)
{
	Relation	pg_constraint = table_open(ConstraintRelationId,
										   AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(guard->booking_relid));
	scan = systable_beginscan(pg_constraint, ConstraintRelidTypidNameIndexId,
							  true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		int			n;
		AttrNumber	conkey[INDEX_MAX_KEYS];
		AttrNumber	confkey[INDEX_MAX_KEYS];
		int			matches = 0;

		if (form->contype != CONSTRAINT_FOREIGN ||
			form->confrelid != guard->service_relid ||
			OidIsValid(form->conparentid))
			continue;
		DeconstructFkConstraintRow(tuple, &n, conkey, confkey,
								   NULL, NULL, NULL, NULL, NULL);
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j < guard->nkeys; j++)
				matches += conkey[i] == guard->key[j].booking_attnum &&
					confkey[i] == guard->key[j].service_attnum;
		}
		if (n == guard->nkeys && matches == n)
			check_foreign_key(checkup, guard, form);
	}
	systable_endscan(scan);
	table_close(pg_constraint, AccessShareLock);
}

/*
 * Report key columns of different types.  Where there is an operator for the
 * two, it is in the booking index's family, and all that is lost is a row
 * that does not fit.  Otherwise the booking's key is cast for each
 * comparison: no index on the column serves.  False if so.
 */
static bool
check_key_types(Checkup *checkup, Guard *guard)
{
	bool		indexable = true;

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];
		Oid			type;
		int32		typmod;
		Oid			collation;
		Oid			left;
		Oid			right;

		if (key->service_type == key->booking_type ||
			IsBinaryCoercible(key->booking_type, key->service_type))
			continue;
		op_input_types(key->eq_opr, &left, &right);
		indexable &= right == key->booking_type;
		get_atttypetypmodcoll(guard->service_relid, key->service_attnum,
							  &type, &typmod, &collation);
		add_finding(checkup, guard->name,
					right == key->booking_type ?
					SEVERITY_INFO : SEVERITY_WARNING,
					psprintf("Column \"%s\" of table %s is %s, but points at column \"%s\" of table %s, which is %s%s.",
							 key->booking_name,
							 report_table_name(guard->booking_relid),
							 format_type_be(key->booking_type),
							 key->service_name,
							 report_table_name(guard->service_relid),
							 format_type_be(key->service_type),
							 right == key->booking_type ? "" :
							 ": no index on it serves the guard's count"),
					psprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s;",
							 rule_table_name(guard->booking_relid),
							 quote_identifier(key->booking_name),
							 format_type_with_typemod(type, typmod)));
	}
	return indexable;
}

static void
check_index(Checkup *checkup, Guard *guard)
{
	IndexSearch search;
	char	   *problem;

	if (protect_has_index(guard, &search))
		return;

	problem = psprintf("No index of table %s serves the guard's count: every delete from table %s reads all of it.",
					   report_table_name(guard->booking_relid),
					   report_table_name(guard->service_relid));
	if (OidIsValid(search.invalid))
		add_finding(checkup, guard->name, SEVERITY_WARNING,
					psprintf("%s Index %s is not valid: it was not finished.",
							 problem, rule_table_name(search.invalid)),
					psprintf("REINDEX INDEX CONCURRENTLY %s;",
							 rule_table_name(search.invalid)));
	else
		add_finding(checkup, guard->name, SEVERITY_WARNING,
					search.obstacle == NULL ? problem :
					psprintf("%s %s", problem, search.obstacle),
					report_index_fix(guard));
}

/*
 * Tell of a guard that was told not to refuse.
 */
static void
check_mode(Checkup *checkup, Guard *guard)
{
	GuardRule  *rule = rule_copy(guard->rule);

	if (strcmp(rule->mode, MODE_WARN) != 0)
		return;
	rule->mode = MODE_ENFORCE;
	add_finding(checkup, guard->name, SEVERITY_INFO,
				"It is in mode warn: it says what it would refuse, and lets it pass.",
				mend_protect_call(rule, checkup->sibling,
								  guard->service_relid,
								  guard->booking_relid));
}


/* ----------------------------------------------------------------
 *		Statuses
 * ----------------------------------------------------------------
 */

/*
 * Tell which labels of an enum do not block only because they are not listed.
 * There is no record of which were there when the guard was made.  A guard
 * that lists those which do not block, as the fix does, has decided about
 * each, and a label that is new to it blocks.
 */
static void
check_labels(Checkup *checkup, Guard *guard)
{
	GuardRule  *rule = rule_copy(guard->rule);
	List	   *unlisted;

	if (!guard->status_is_enum || !guard->statuses_block)
		return;
	unlisted = rule_list_without(catalog_enum_labels(guard->status_base_type),
							   rule->blocking_statuses);
	if (unlisted == NIL)
		return;
	rule->blocking_statuses = NIL;
	rule->free_statuses = unlisted;
	add_finding(checkup, guard->name, SEVERITY_INFO,
				psprintf("A booking is not active with a label of type %s that blocking_statuses does not list, now or in future; now that is %s.",
						 format_type_be(guard->status_type),
						 quoted_list(unlisted)),
				mend_protect_call(rule, checkup->sibling,
								  guard->service_relid,
								  guard->booking_relid));
}

/* The statuses that a booking table has. */
#define MAX_STATUSES	100

typedef struct StatusSurvey
{
	Guard	   *guard;
	MemoryContext context;
	List	   *statuses;		/* as text */
	List	   *seen;			/* of the guard's, which there are (int) */
} StatusSurvey;

static void
survey_status(TupleTableSlot *slot, void *arg)
{
	StatusSurvey *survey = (StatusSurvey *) arg;
	MemoryContext old = MemoryContextSwitchTo(survey->context);
	bool		isnull;
	Datum		status = slot_getattr(slot, 1, &isnull);

	survey->statuses = lappend(survey->statuses,
							   report_value(survey->guard->status_type,
											status));
	survey->seen = list_append_unique_int(survey->seen,
										  claims_listed_status(survey->guard,
															   status));
	MemoryContextSwitchTo(old);
}

/*
 * Compare the statuses that a guard lists with those that there are.  Not for
 * an enum: there the type says what is misspelt.
 */
static void
check_statuses(Checkup *checkup, Guard *guard)
{
	StatusSurvey survey = {guard, CurrentMemoryContext, NIL, NIL};
	GuardRule  *rule = rule_copy(guard->rule);
	StringInfoData sql;
	KeyValues	none;
	const char *column;
	char	   *fix;

	if (rule->status_column == NULL || guard->status_is_enum)
		return;

	column = quote_identifier(rule->status_column);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT DISTINCT x.%s", column);
	query_append_relation(&sql, guard->booking_relid);
	appendStringInfo(&sql, " WHERE x.%s IS NOT NULL ORDER BY 1 LIMIT %d",
					 column, MAX_STATUSES);
	none.n = 0;
	query_run_once(sql.data, NULL, &none, guard->booking_relid, true,
				   survey_status, &survey);
	survey.seen = list_delete_int(survey.seen, -1);
	if (survey.statuses == NIL ||
		list_length(survey.statuses) == MAX_STATUSES)
		return;

	if (guard->statuses_block && survey.seen == NIL)
	{
		rule->blocking_statuses = survey.statuses;
		add_finding(checkup, guard->name, SEVERITY_WARNING,
					psprintf("No row of table %s has a status that blocks: it has %s; blocking_statuses lists %s.",
							 report_table_name(guard->booking_relid),
							 quoted_list(survey.statuses),
							 quoted_list(guard->rule->blocking_statuses)),
					mend_protect_call(rule, checkup->sibling,
									  guard->service_relid,
									  guard->booking_relid));
	}
	else if (!guard->statuses_block &&
			 list_length(survey.seen) < guard->nstatuses)
	{
		List	   *unused = NIL;

		for (int i = 0; i < guard->nstatuses; i++)
		{
			if (!list_member_int(survey.seen, i))
				unused = lappend(unused, list_nth(rule->free_statuses, i));
		}
		rule->free_statuses = rule_list_without(rule->free_statuses, unused);
		if (rule->free_statuses != NIL)
			fix = mend_protect_call(rule, checkup->sibling,
									guard->service_relid,
									guard->booking_relid);
		else
			fix = psprintf("SELECT x.%s, count(*) FROM %s x GROUP BY 1;",
						   column, rule_table_name(guard->booking_relid));
		add_finding(checkup, guard->name, SEVERITY_INFO,
					psprintf("No row of table %s has status %s, which free_statuses lists: it has %s.",
							 report_table_name(guard->booking_relid),
							 quoted_list(unused),
							 quoted_list(survey.statuses)),
					fix);
	}
}


/* ----------------------------------------------------------------
 *		The bookings
 * ----------------------------------------------------------------
 */

/*
 * Tell that the bookings were not looked at, for want of the right to read
 * one of the tables.
 */
static void
report_unread(Checkup *checkup, Guard *guard, Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	const char *owner = GetUserNameFromId(rel->rd_rel->relowner, false);

	add_finding(checkup, guard->name, SEVERITY_INFO,
				psprintf("Its bookings were not looked at, since you may not read all of table %s.",
						 report_table_name(relid)),
				psprintf("SET ROLE %s;", quote_identifier(owner)));
	relation_close(rel, NoLock);
}

/*
 * Read a guard's bookings.  That is done as the tables' owners, as the guard
 * itself does; but only for a caller who may read all of them anyway.
 */
static void
check_bookings(Checkup *checkup, Guard *guard)
{
	ClaimTally	tally;

	if (!report_may_read(guard, BOOKING_SIDE))
	{
		report_unread(checkup, guard, guard->booking_relid);
		return;
	}
	check_statuses(checkup, guard);

	if (!report_may_read(guard, SERVICE_SIDE))
	{
		report_unread(checkup, guard, guard->service_relid);
		return;
	}
	if (claims_count_orphans_unlocked(guard, &tally))
		add_finding(checkup, guard->name, SEVERITY_ERROR,
					psprintf(INT64_FORMAT " upcoming, active %s of table %s %s at no row of table %s%s.",
							 tally.total, tally.total == 1 ? "row" : "rows",
							 report_table_name(guard->booking_relid),
							 tally.total == 1 ? "points" : "point",
							 report_table_name(guard->service_relid),
							 guard->rule->retire_column != NULL ?
							 ", or at a retired one" : ""),
					report_orphans_query(guard, guard->booking_relid));
}


/* ----------------------------------------------------------------
 *		The extension
 * ----------------------------------------------------------------
 */

/*
 * Report event triggers that do not fire or are not there.  How they are
 * made is said in the install script as well.
 */
static void
check_event_triggers(Checkup *checkup)
{
	static const struct
	{
		const char *name;		/* and that of its function */
		const char *event;
		const char *when;
	}			events[] = {
		{"booking_guard_ddl_start", "ddl_command_start",
		" WHEN TAG IN ('ALTER TABLE')"},
		{"booking_guard_ddl_end", "ddl_command_end",
		" WHEN TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER VIEW',"
		" 'ALTER MATERIALIZED VIEW', 'ALTER TYPE', 'CREATE TABLE',"
		" 'CREATE FOREIGN TABLE', 'CREATE SCHEMA')"},
		{"booking_guard_sql_drop", "sql_drop", ""}
	};

	for (int i = 0; i < (int) lengthof(events); i++)
	{
		const char *name = events[i].name;
		HeapTuple	tuple = SearchSysCache1(EVENTTRIGGERNAME,
											CStringGetDatum(name));
		Form_pg_event_trigger form;

		if (!HeapTupleIsValid(tuple))
		{
			add_finding(checkup, NULL, SEVERITY_WARNING,
						psprintf("Event trigger \"%s\" is missing: guards do not follow all changes of the schema.",
								 name),
						psprintf("CREATE EVENT TRIGGER %s ON %s%s EXECUTE FUNCTION %s(); ALTER EXTENSION booking_guard ADD EVENT TRIGGER %s;",
								 name, events[i].event, events[i].when,
								 rule_function_name(checkup->sibling, name),
								 name));
			continue;
		}
		form = (Form_pg_event_trigger) GETSTRUCT(tuple);
		if (!resolve_trigger_is_enabled(form->evtenabled))
			add_finding(checkup, NULL, SEVERITY_WARNING,
						psprintf("Event trigger \"%s\" is disabled: guards do not follow all changes of the schema.",
								 name),
						psprintf("ALTER EVENT TRIGGER %s ENABLE;", name));
		ReleaseSysCache(tuple);
	}
}

/*
 * Report a guard that stands on a partition: it became one while the event
 * triggers were off.
 */
static void
check_is_whole(Checkup *checkup, Guard *guard, Oid relid)
{
	if (!get_rel_relispartition(relid))
		return;
	add_finding(checkup, guard->name, SEVERITY_ERROR,
				psprintf("It stands on table %s, which is a partition: rows of other partitions of table %s are not guarded. Guard that table.",
						 report_table_name(relid),
						 report_table_name(llast_oid(get_partition_ancestors(relid)))),
				mend_unprotect_call(checkup->sibling, guard->service_relid,
									guard->booking_relid,
									guard->rule->booking_key));
}

/* Arguments of check_resolved(). */
typedef struct GuardCheck
{
	Checkup    *checkup;
	const GuardTrigger *service;
	const GuardTrigger *booking;
	Guard	   *guard;
} GuardCheck;

static void
check_resolved(void *arg)
{
	GuardCheck *check = (GuardCheck *) arg;
	Checkup    *checkup = check->checkup;
	Guard	   *guard = check->guard;
	bool		readable;

	check_is_whole(checkup, guard, guard->service_relid);
	check_is_whole(checkup, guard, guard->booking_relid);
	check_triggers(checkup, check->service, check->booking);
	readable = check_rights(checkup, guard, SERVICE_SIDE);
	readable &= check_rights(checkup, guard, BOOKING_SIDE);
	check_foreign_keys(checkup, guard);
	if (check_key_types(checkup, guard) && readable)
		check_index(checkup, guard);
	check_labels(checkup, guard);
	check_mode(checkup, guard);
	if (checkup->scan && readable)
		check_bookings(checkup, guard);
}

/*
 * Report the error that ended a guard's check.  The fix only looks: what it
 * finds is code of the tables' owners, for nobody else to run.
 */
static void
report_broken_off(Checkup *checkup, Guard *guard, ErrorData *edata)
{
	add_finding(checkup, guard->name, SEVERITY_ERROR,
				psprintf("It was not checked to the end, because of an error: %s (%s%s%s).",
						 edata->message,
						 unpack_sql_state(edata->sqlerrcode),
						 edata->context != NULL ? "; " : "",
						 edata->context != NULL ? edata->context : ""),
				psprintf("SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE coalesce(pg_partition_root(indrelid), indrelid) IN (%s::regclass, %s::regclass);",
						 quote_literal_cstr(rule_table_name(guard->service_relid)),
						 quote_literal_cstr(rule_table_name(guard->booking_relid))));
}

/*
 * Check one guard.  The queries and the planner run code of the tables'
 * owners, such as a function in an index's predicate; where that raises an
 * error, it is a finding, and the other guards are checked all the same.
 */
static void
check_guard(Checkup *checkup, const GuardTrigger *service,
			const GuardTrigger *booking)
{
	GuardCheck	check = {checkup, service, booking, NULL};
	ErrorData  *edata;

	check.guard = try_guard(checkup, service, booking);
	if (check.guard == NULL)
		return;					/* mending it makes its triggers anew */

	edata = query_try(check_resolved, &check);
	if (edata != NULL)
	{
		query_rethrow_grave(edata);
		report_broken_off(checkup, check.guard, edata);
	}
}

/*
 * booking_guard_health
 *
 * What weakens a guard now; no rows if all is well.  With scan, the bookings
 * are read as well.  Takes ACCESS SHARE on the guarded tables and their
 * partitions.
 *
 * With an empty search_path all names come out with their schema: what a fix
 * says can be run anywhere.
 */
Datum
booking_guard_health(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"error", "warning", "info"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Checkup		checkup = {fcinfo->flinfo->fn_oid, true, NIL, NIL};
	int			save_nestlevel = NewGUCNestLevel();
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	(void) set_config_option("search_path", "pg_catalog", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);

	/* The function as version 1.0 declared it has no argument. */
	if (PG_NARGS() == 0)
		add_finding(&checkup, NULL, SEVERITY_WARNING,
					"The extension's SQL objects are those of version 1.0, older than its library.",
					"ALTER EXTENSION booking_guard UPDATE;");
	else
	{
		if (PG_ARGISNULL(0))
			report_null_argument(HEALTH_FUNCTION, "scan");
		checkup.scan = PG_GETARG_BOOL(0);
		check_event_triggers(&checkup);
	}
	if (!enforce_is_on())
		add_finding(&checkup, NULL, SEVERITY_ERROR,
					"booking_guard.enforcement is not on in this session: no guard refuses anything.",
					"SET booking_guard.enforcement = on;");

	foreach(lc, catalog_guards(checkup.sibling, SERVICE_SIDE))
	{
		GuardTrigger *service = lock_guard((GuardTrigger *) lfirst(lc));
		GuardTrigger *booking;

		if (service == NULL)
			continue;
		if (!OidIsValid(service->from_relid))
			report_lone_trigger(&checkup, service);
		else if ((booking = catalog_partner(service, BOOKING_SIDE)) != NULL)
			check_guard(&checkup, service, booking);
		else
			check_half(&checkup, service, SERVICE_SIDE);
	}

	/* Guards of which only the booking side is left. */
	foreach(lc, catalog_guards(checkup.sibling, BOOKING_SIDE))
	{
		GuardTrigger *booking = lock_guard((GuardTrigger *) lfirst(lc));

		if (booking == NULL)
			continue;
		if (!OidIsValid(booking->from_relid))
			report_lone_trigger(&checkup, booking);
		else if (catalog_partner(booking, SERVICE_SIDE) == NULL)
			check_half(&checkup, booking, BOOKING_SIDE);
	}
	check_left_over(&checkup);

	list_sort(checkup.findings, compare_findings);
	foreach(lc, checkup.findings)
	{
		Finding    *finding = (Finding *) lfirst(lc);
		Datum		values[4] = {0};
		bool		nulls[4] = {false};

		nulls[0] = finding->guard == NULL;
		if (finding->guard != NULL)
			values[0] = CStringGetTextDatum(finding->guard);
		values[1] = CStringGetTextDatum(names[finding->severity]);
		values[2] = CStringGetTextDatum(finding->problem);
		values[3] = CStringGetTextDatum(finding->fix);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}

	AtEOXact_GUC(true, save_nestlevel);
	return (Datum) 0;
}

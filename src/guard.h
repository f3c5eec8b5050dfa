/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  The types of booking_guard, and what each file offers to the others.
 *
 * A guard ties one booking table's key to one service table.  It lives in
 * two constraint triggers of the same name, one on each table:
 *
 *		"BG_Booking_serviceId" ON "Service" FROM "Booking"
 *		"BG_Booking_serviceId" ON "Booking" FROM "Service"
 *
 * whose arguments, name=value, are the guard's rule.  guard.c turns them
 * into a Guard; everybody else works with that.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_GUARD_H
#define BOOKING_GUARD_GUARD_H

#include "postgres.h"

#include "access/htup.h"
#include "access/sdir.h"
#include "access/skey.h"
#include "commands/trigger.h"
#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "pgtime.h"
#include "tcop/dest.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/*
 * Every trigger of a guard begins with this, so that it fires before the
 * server's own RI_ConstraintTrigger_... strips or deletes the bookings:
 * triggers on one event fire in the order of their names.
 */
#define GUARD_NAME_PREFIX		"BG_"
#define RI_TRIGGER_NAME_PREFIX	"RI_"

/* The two triggers that all guards of one service table share. */
#define BEFORE_DELETE_TRIGGER_NAME	"zz_booking_guard_delete"
#define TRUNCATE_TRIGGER_NAME		"zz_booking_guard_truncate"

/* The trigger functions, as the install script names them. */
#define SERVICE_FUNCTION		"booking_guard_service"
#define BOOKING_FUNCTION		"booking_guard_booking"
#define BEFORE_DELETE_FUNCTION	"booking_guard_before_delete"
#define TRUNCATE_FUNCTION		"booking_guard_truncate"

/* Functions that messages name. */
#define PROTECT_FUNCTION		"booking_guard_protect"
#define UNPROTECT_FUNCTION		"booking_guard_unprotect"
#define HEALTH_FUNCTION			"booking_guard_health"
#define BLOCKING_BOOKINGS_FUNCTION	"booking_guard_blocking_bookings"

/* What a guard does with what it finds; see GuardRule.mode. */
#define MODE_ENFORCE			"enforce"
#define MODE_WARN				"warn"

/* The label of the table that safe_delete_service() takes if none is named. */
#define DEFAULT_LABEL			"service"

typedef enum GuardSide
{
	SERVICE_SIDE,
	BOOKING_SIDE
} GuardSide;

/*
 * A guard's rule: what booking_guard_protect() was told, under the same
 * names.  Lists hold char *; a NULL or NIL member was not given.
 */
typedef struct GuardRule
{
	/* kept in the arguments of the trigger on the service table */
	List	   *service_key;
	char	   *tenant_column;
	char	   *label;
	char	   *retire_column;
	char	   *retire_value;	/* NULL: retired if the column is not NULL */
	/* kept in the arguments of the trigger on the booking table */
	List	   *booking_key;
	char	   *status_column;
	List	   *blocking_statuses;
	List	   *free_statuses;
	char	   *inactive_column;
	char	   *time_column;
	char	   *time_zone;
	char	   *booking_label;
	bool		keep_attached;
	char	   *mode;			/* MODE_ENFORCE or MODE_WARN */
} GuardRule;

/* A trigger as the catalog has it. */
typedef struct GuardTrigger
{
	Oid			oid;
	Oid			relid;
	Oid			from_relid;		/* the other table, InvalidOid if none */
	Oid			function;
	Oid			parent;			/* the trigger it was cloned from */
	char	   *name;
	char		enabled;
	int16		type;			/* timing, level and events */
	bool		deferrable;
	bool		conditional;	/* has WHEN or a column list */
	int			nargs;
	char	  **args;
} GuardTrigger;

/* How the time column says when a booking is over. */
typedef enum TimeKind
{
	TIME_NONE,					/* no time column: always upcoming */
	TIME_TIMESTAMPTZ,
	TIME_TIMESTAMP,
	TIME_DATE,
	TIME_TSTZRANGE,
	TIME_TSRANGE,
	TIME_DATERANGE
} TimeKind;

/* One column of a guard's key. */
typedef struct GuardKeyColumn
{
	char	   *service_name;
	char	   *booking_name;
	AttrNumber	attnum;			/* in the table that carries the trigger */
	AttrNumber	service_attnum; /* in the service table itself */
	AttrNumber	booking_attnum; /* in the booking table itself */
	Oid			service_type;	/* base types */
	Oid			booking_type;
	Oid			eq_opr;			/* service column = booking column */
	Oid			service_eq_opr; /* service column = service column */
	Oid			service_collation;	/* of the service's index */
	Oid			collation;		/* that to name in queries, or InvalidOid */
} GuardKeyColumn;

/* Where a row carries what makes it a claim; 0 where it does not. */
typedef struct ClaimColumns
{
	AttrNumber	status;
	AttrNumber	inactive;
	AttrNumber	time;
} ClaimColumns;

/* How to lock a service row; see service.c. */
typedef enum ServiceLock
{
	SERVICE_NO_LOCK,
	SERVICE_KEY_SHARE,
	SERVICE_FOR_UPDATE,
	SERVICE_NLOCKS
} ServiceLock;

/* What became of a service. */
typedef enum ServiceState
{
	SERVICE_MISSING,
	SERVICE_RETIRED,
	SERVICE_THERE
} ServiceState;

/* A row that was locked, where it is. */
typedef struct RowLock
{
	Oid			relid;			/* its table, or partition */
	ItemPointerData tid;
} RowLock;

/* A query's answer to that; see service_note_state(). */
typedef struct StateReading
{
	struct Guard *guard;
	ServiceState state;
} StateReading;

/*
 * How to find the rows with a key in an index; see probe.c.
 */
typedef struct IndexProbe
{
	bool		chosen;			/* the index is, or that there is none */
	Oid			index;			/* InvalidOid if there is none */
	int			nkeys;
	ScanKeyData key[INDEX_MAX_KEYS];	/* but for the values */
	int			key_column[INDEX_MAX_KEYS]; /* which of the guard's that is */
	AttrNumber	attnum[INDEX_MAX_KEYS]; /* and the table's column */
	/* those of bookings only */
	ClaimColumns columns;		/* where a row has what decides */
	bool		by_time;		/* this way, the latest comes first */
	ScanDirection direction;
} IndexProbe;

/*
 * A resolved guard, cached per backend and per trigger (each partition has
 * clones of its own).
 */
typedef struct Guard
{
	bool		valid;			/* false: resolve again at the next use */
	MemoryContext context;		/* holds all of this ... */
	MemoryContextCallback at_end;	/* ... and lets go of the plans */

	char	   *name;			/* NULL while the guard is only being made */
	GuardSide	side;			/* which of its two triggers this is */
	GuardRule  *rule;
	Oid			sibling;		/* a function of the extension */
	Oid			service_relid;	/* the guarded tables, never a partition */
	Oid			booking_relid;
	Oid			carrier_relid;	/* the table that carries the trigger */

	int			nkeys;
	GuardKeyColumn key[INDEX_MAX_KEYS];
	bool		key_is_primary; /* the service table's primary key */
	AttrNumber	tenant_attnum;	/* in the carrying table, service side only */

	/* what makes a service retired, if the rule has a retire_column */
	AttrNumber	retire_attnum;	/* in the carrying table, service side only */
	Oid			retire_type;	/* the column's */
	Oid			retire_collation;
	bool		retire_is_enum;
	uint32		retire_type_hash;	/* for invalidation */
	FmgrInfo	retire_eq;		/* these two only with a retire_value */
	Datum		retire_value;	/* of the column's base type */

	/* what makes a booking active */
	Oid			status_type;	/* the column's; InvalidOid: no status */
	Oid			status_base_type;
	Oid			status_collation;
	Oid			status_eq_opr;
	FmgrInfo	status_eq;
	Datum	   *statuses;		/* of status_base_type */
	int			nstatuses;
	bool		statuses_block; /* these block, else all but these */
	bool		status_is_enum;
	uint32		status_type_hash;	/* for invalidation */

	/* what makes it upcoming */
	TimeKind	time_kind;
	Oid			time_type;		/* base type */
	bool		time_not_null;
	struct TypeCacheEntry *range_type;	/* NULL unless it is a range */
	pg_tz	   *zone;

	/* where a row of the carrying table keeps that, booking side only */
	ClaimColumns columns;

	/*
	 * How the service table's trigger BEFORE DELETE is enabled, if the trigger
	 * AFTER it may go by what it has counted, else 0; service side only
	 */
	char		before_enabled;

	/* what a foreign key on the same columns does for us */
	bool		leans;			/* it checks and locks at INSERT */
	bool		defers;			/* a missing service may be left to it */
	bool		cascades;		/* it carries bookings along at key UPDATE */
	bool		cascades_moves; /* and to another partition */
	List	   *foreign_key_hashes; /* for invalidation */

	/* what is done without a query, where that can be */
	IndexProbe	claim_probe;
	IndexProbe	service_probe[2];	/* by key_of */

	/* kept plans, NULL until needed */
	SPIPlanPtr	count_plan;		/* candidates for claims on a service */
	SPIPlanPtr	service_plan[2][SERVICE_NLOCKS]; /* by key_of and lock */
	SPIPlanPtr	find_plan;		/* safe_delete_service(): look for the row */
	SPIPlanPtr	delete_plan;	/* ... and delete it */
	SPIPlanPtr	retire_plan;	/* safe_retire_service(): ... or retire it */
} Guard;

/* What a count of claims found. */
typedef struct ClaimTally
{
	Guard	   *guard;
	MemoryContext context;
	bool		unlocked;		/* others may write while we count ... */
	TimestampTz as_of;			/* ... so this is what counts as now() */
	int64		total;
	bool		has_start;
	TimestampTz start;			/* the soonest's */
	int			nstatuses;		/* distinct statuses seen, at most ... */
	struct
	{
		Datum		value;
		int64		count;
	}			status[8];		/* ... so many; the rest is only in total */
} ClaimTally;

/*
 * A key's or id's values, as parameters of a query: two more than a key may
 * have columns, for the bound of the time column, or for the tenant and a
 * value to write.
 */
#define MAX_PARAMS	(INDEX_MAX_KEYS + 2)

typedef struct KeyValues
{
	int			n;
	Datum		value[MAX_PARAMS];
	bool		isnull[MAX_PARAMS];
} KeyValues;


/* What is refused to be done to a service. */
typedef enum RefusalKind
{
	REFUSE_NOTHING,
	REFUSE_DELETE,
	REFUSE_KEY_CHANGE,
	REFUSE_RETIRE,
	REFUSE_TRUNCATE,
	REFUSE_DETACH,
	REFUSE_DROP
} RefusalKind;

/* A refusal in numbers, for safe_delete_service() and its like. */
typedef struct Refusal
{
	RefusalKind kind;
	const char *name;			/* the guard's */
	Oid			service_relid;	/* the guard's tables */
	Oid			booking_relid;
	KeyValues	key;			/* the service's, as the guard has it */
	int64		total;
	bool		has_start;
	TimestampTz start;
} Refusal;

/* What a guard refuses, for the log; what is not known is NULL or 0. */
typedef struct GuardEvent
{
	const char *action;
	const char *guard;			/* its name */
	Oid			service_relid;
	Oid			booking_relid;
	const char *mode;
	bool		is_verdict;		/* of safe_delete_service() and the like */
	bool		confidential;	/* if overridden: not for the caller to read */
	const char *key;
	int64		count;			/* of bookings */
	const char *next;			/* when the next of them is */
	const char *problem;		/* of a guard that cannot be enforced */
} GuardEvent;

/* What there is where no index serves a guard's count. */
typedef struct IndexSearch
{
	Oid			invalid;		/* an index that would, but is not valid */
	char	   *obstacle;		/* why one on the key does not, a sentence */
} IndexSearch;

/* Who the user was, and the settings; see query_become_owner(). */
typedef struct SavedUser
{
	Oid			userid;
	int			sec_context;
	int			guc_nestlevel;
} SavedUser;

typedef void (*QueryRowCallback) (TupleTableSlot *slot, void *arg);
typedef void (*ProbeRowCallback) (TupleTableSlot *slot,
								  const ClaimColumns *columns, void *arg);
typedef void (*ClaimListCallback) (Guard *guard, TupleTableSlot *slot,
								   const ClaimColumns *columns,
								   AttrNumber first_extra, void *arg);


/*
 * What follows is for this library only.  Others cannot collide with it, and
 * the dynamic linker has less to do when a session first loads the library.
 */
#pragma GCC visibility push(hidden)

/* rule.c: a guard's rule as text */
extern bool rule_list_has(List *list, const char *string);
extern bool rule_same_columns(List *a, List *b);
extern List *rule_list_without(List *strings, List *others);
extern bool rule_is_mode(const char *mode);
extern const char *rule_mode(int nargs, char **args);
extern char *rule_read_arguments(GuardRule *rule, GuardSide side,
								 int nargs, char **args);
extern List *rule_write_arguments(const GuardRule *rule, GuardSide side);
extern bool rule_names_column(GuardRule *rule, GuardSide side,
							  const char *name);
extern bool rule_rename_column(GuardRule *rule, GuardSide side,
							   const char *name, const char *new_name);
extern const char *rule_label_column(const GuardRule *rule, GuardSide side);
extern bool rule_rename_label(GuardRule *rule, GuardSide side,
							  const char *name, const char *new_name);
extern GuardRule *rule_copy(const GuardRule *rule);
extern char *rule_definition(const GuardRule *rule, Oid sibling,
							 Oid service_relid, Oid booking_relid);
extern List *rule_statuses(const GuardRule *rule);
extern Datum rule_text_array(List *strings);
extern char *rule_array_literal(List *strings);
extern void rule_append_array(StringInfo buf, List *strings);
extern char *rule_table_name(Oid relid);
extern char *rule_function_name(Oid sibling, const char *name);

/* catalog.c: triggers, functions and tables, as the catalog has them */
extern GuardTrigger *catalog_trigger(Oid trigger_oid);
extern GuardTrigger *catalog_trigger_by_name(Oid relid, const char *name);
extern const GuardTrigger *catalog_root_trigger(const GuardTrigger *trigger);
extern List *catalog_triggers_on(Oid relid, Oid function);
extern List *catalog_guard_triggers(Oid relid, GuardSide side, Oid sibling);
extern void catalog_lock_labels(Oid relid, const char *column);
extern void catalog_write_arguments(const GuardTrigger *trigger,
									List *arguments);
extern GuardTrigger *catalog_partner(const GuardTrigger *trigger,
									 GuardSide partner_side);
extern List *catalog_triggers_of(Oid function);
extern List *catalog_guards(Oid sibling, GuardSide side);
extern Oid	catalog_default_service(Oid sibling, List **service_relids,
									bool *several_labelled);
extern Oid	catalog_function(Oid sibling, const char *name);
extern List *catalog_primary_key(Oid relid);
extern List *catalog_parents(Oid relid);
extern Oid	catalog_column_collation(Oid relid, AttrNumber attnum);
extern List *catalog_enum_labels(Oid type);

/* resolve.c: a rule -> a guard */
extern Guard *resolve_rule(const char *name, GuardSide side,
						   const GuardRule *rule, Oid sibling,
						   Oid service_relid, Oid booking_relid,
						   Oid carrier_relid);
extern bool resolve_index_serves_key(Guard *guard, Relation index,
									 int *position);
extern bool resolve_type_calls(Oid type);
extern bool resolve_trigger_is_enabled(char tgenabled);
extern bool resolve_foreign_key_is_enabled(Relation rel, Oid constraint);
extern Oid	resolve_constraint_root(Oid constraint);

/* guard.c: trigger arguments -> a resolved, cached guard */
extern Guard *guard_get(Oid trigger_oid, GuardSide side);
extern Guard *guard_peek(Oid trigger_oid);
extern void guard_retire_plan(SPIPlanPtr plan);
extern Guard *guard_try(Oid trigger_oid, GuardSide side, ErrorData **edata);
extern void guard_describe(const GuardTrigger *trigger, GuardSide side,
						   GuardEvent *event);
extern Guard *guard_enforced(Oid trigger_oid, GuardSide side, bool is_early);
extern char *guard_trigger_problem(const GuardTrigger *trigger,
								   GuardSide side);
extern Oid	guard_default_service(Oid sibling);
extern List *guard_of_service(Relation service, Oid function, bool is_early);
extern Guard *guard_identifying(List *guards);
extern void guard_free(Guard *guard);

/* query.c: run a guard's queries */
extern void query_become_owner(Oid relid, SavedUser *saved);
extern void query_restore_user(const SavedUser *saved);
extern Datum query_read_value(const char *string, Oid type, Oid as_owner_of);
extern SPIPlanPtr query_prepare(const char *sql, int nargs, Oid *argtypes,
								Oid as_owner_of);
extern void query_forget(SPIPlanPtr *plan);
extern bool query_is_ready(SPIPlanPtr *plan);
extern uint64 query_run(SPIPlanPtr plan, const KeyValues *params,
						Oid relid, bool as_owner,
						QueryRowCallback callback, void *arg);
extern void query_execute(const char *sql);
extern uint64 query_run_at(SPIPlanPtr plan, const KeyValues *params,
						   Oid relid, bool as_owner, Snapshot snapshot,
						   QueryRowCallback callback, void *arg);
extern ErrorData *query_try(void (*action) (void *arg), void *arg);
extern void query_rethrow_grave(ErrorData *edata);
extern uint64 query_run_once(const char *sql, Oid *argtypes,
							 const KeyValues *params, Oid relid,
							 bool as_owner, QueryRowCallback callback,
							 void *arg);
extern char *query_relation(Oid relid);
extern void query_append_relation(StringInfo sql, Oid relid);
extern char *query_column(Oid relid, const char *name);
extern char *query_key_column(Oid relid, const char *name, Oid collation);
extern char *query_type_name(Oid type);
extern char *query_collation_name(Oid collation);

/* claims.c: is this row a claim; count a service's claims */
extern bool claims_has_key(Guard *guard, TupleTableSlot *slot);
extern void claims_key_values(Guard *guard, TupleTableSlot *slot,
							  KeyValues *key);
extern bool claims_same_key(Guard *guard, TupleTableSlot *a,
							TupleTableSlot *b);
extern bool claims_unchanged(Guard *guard, TupleTableSlot *a,
							 TupleTableSlot *b);
extern bool claims_equal_key(Guard *guard, TupleTableSlot *a,
							 TupleTableSlot *b);
extern bool claims_was_moved(TupleTableSlot *slot);
extern int	claims_listed_status(Guard *guard, Datum status);
extern bool claims_is_active(Guard *guard, TupleTableSlot *slot,
							 const ClaimColumns *columns);
extern TimestampTz claims_last_instant(Guard *guard, TupleTableSlot *slot,
									   const ClaimColumns *columns);
extern TimestampTz claims_last_instant_of(Guard *guard, Datum value,
										  bool isnull);
extern bool claims_is_due(Guard *guard, TupleTableSlot *slot,
						  const ClaimColumns *columns);
extern bool claims_start(Guard *guard, TupleTableSlot *slot,
						 const ClaimColumns *columns, TimestampTz *start);
extern bool claims_count(Guard *guard, const KeyValues *key,
						 ClaimTally *tally);
extern bool claims_count_in(Guard *guard, Oid service_relid,
							ClaimTally *tally);
extern bool claims_count_orphans(Guard *guard, Oid booking_relid,
								 ClaimTally *tally);
extern bool claims_count_orphans_unlocked(Guard *guard, ClaimTally *tally);
extern void claims_list(Guard *guard, const KeyValues *key,
						List *extra_columns, ClaimListCallback callback,
						void *arg);
extern void claims_append_active(StringInfo sql, Guard *guard);
extern List *claims_query_conditions(Guard *guard);

/* probe.c: look a key up in an index without a query */
extern bool probe_bookings(Guard *guard, const KeyValues *key,
						   ProbeRowCallback callback, void *arg);
extern bool probe_lock_service(Guard *guard, const KeyValues *key,
							   GuardSide key_of, bool *found, RowLock *row);
extern bool probe_find_service(Guard *guard, const KeyValues *key,
							   bool *found);

/* row_lock.c: whether a lock on a row keeps the row */
extern bool row_lock_keeps(const RowLock *row);

/* service.c: the triggers on the service table, and the row's lock */
extern bool service_is_retired(Guard *guard, TupleTableSlot *slot,
							   AttrNumber attnum);
extern void service_note_state(TupleTableSlot *slot, void *arg);
extern ServiceState service_state(Guard *guard, const KeyValues *key,
								  GuardSide key_of, bool lock);
extern ServiceState service_state_at(Guard *guard, const KeyValues *key,
									 Snapshot snapshot);
extern SPIPlanPtr service_prepare(Guard *guard, Oid relid, GuardSide key_of,
								  ServiceLock lock);
extern void service_refuse(Guard *guard, RefusalKind kind, Relation rel,
						   TupleTableSlot *slot, ClaimTally *tally);
extern Refusal service_take_refusal(void);
extern void service_forget_refusal(void);

/* protect.c */
extern bool protect_has_index(Guard *guard, IndexSearch *search);

/* mend.c: statements that mend a guard */
extern char *mend_protect_call(const GuardRule *rule, Oid sibling,
							   Oid service_relid, Oid booking_relid);
extern char *mend_unprotect_call(Oid sibling, Oid service_relid,
								 Oid booking_relid, List *booking_key);
extern char *mend_rename_trigger(const GuardTrigger *trigger,
								 const char *new_name);
extern char *mend_broken_guard(Oid sibling, const GuardTrigger *service,
							   const GuardTrigger *booking);
extern char *mend_half_guard(Oid sibling, const GuardTrigger *half,
							 GuardSide side, const GuardTrigger **other);

/* enforce.c: what becomes of a refusal */
extern void enforce_define_settings(void);
extern bool enforce_is_on(void);
extern bool enforce_is_logging(void);
extern int	enforce_level(const char *mode);
extern void enforce_log(const GuardEvent *event);

/* ddl.c: the event triggers */
extern Guard *ddl_still_enforceable(const GuardTrigger *trigger,
									GuardSide side);
extern void ddl_check_persistence(Oid relid, Oid sibling);

/* partition.c: partitions of guarded tables that come and go */
extern void partition_created(Oid partition, Oid sibling);
extern void partition_attached(Oid relid, AlterTableCmd *cmd, Oid sibling);
extern void partition_detached(Oid relid, AlterTableCmd *cmd, Oid sibling);
extern void partition_check_concurrent_detach(RangeVar *relation,
											  RangeVar *name, Oid sibling);
extern void partitions_dropped(List *relids, Oid sibling);

/* shared.c: the triggers that all guards of a service table share */
extern void shared_create(Oid relid, Oid sibling);
extern void shared_drop(Oid relid, Oid sibling);

#pragma GCC visibility pop

#endif							/* BOOKING_GUARD_GUARD_H */

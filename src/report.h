/*-------------------------------------------------------------------------
 *
 * report.h
 *	  Every message that a user may see.
 *
 * A function that raises an error says so in its type: it does not return.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_REPORT_H
#define BOOKING_GUARD_REPORT_H

#include "compat.h"
#include "guard.h"

#pragma GCC visibility push(hidden)

/* The end of the DETAIL of a guard's error that it cannot be enforced. */
#define REPORT_REFUSES_MEANWHILE \
	" Until that is mended, the guard refuses whatever it cannot judge."

/* the triggers */
extern void report_check_trigger(FunctionCallInfo fcinfo,
								 const char *function, TriggerEvent when,
								 int events);
extern void report_check_event_trigger(const char *function)
			pg_attribute_noreturn();
extern void report_renamed_meanwhile(Oid relid)
			pg_attribute_noreturn();
extern void report_not_serializable(void)
			pg_attribute_noreturn();
extern void report_sorts_late(Guard *guard, Relation rel,
							  const Trigger *trigger);
extern void report_verdict(Guard *guard, RefusalKind kind,
						   const KeyValues *key, ClaimTally *tally);
extern void report_service_refused(Guard *guard, RefusalKind kind,
								   Relation rel, TupleTableSlot *slot,
								   ClaimTally *tally);
extern char *report_rename_fix(const char *name, Oid service_relid,
							   Oid booking_relid);
extern char *report_refusal(Guard *guard, RefusalKind kind, Oid relid,
							int64 total);
extern void report_service_gone(Guard *guard, TupleTableSlot *slot);
extern void report_service_retired(Guard *guard, TupleTableSlot *slot);
extern void report_detached(Guard *guard, TupleTableSlot *oldslot,
							TupleTableSlot *newslot);
extern char *report_value(Oid type, Datum value);
extern bool report_may_read(Guard *guard, GuardSide side);

/* a guard that cannot be understood, or cannot be made */
extern void report_without_from(const GuardTrigger *trigger)
			pg_attribute_noreturn();
extern void report_without_partner(const GuardTrigger *trigger,
								   GuardSide side)
			pg_attribute_noreturn();
extern void report_bad_triggers(const GuardTrigger *service_trigger,
								const char *problem)
			pg_attribute_noreturn();
extern void report_no_such_column(Guard *guard, Oid relid, const char *name,
								  const char *option)
			pg_attribute_noreturn();
extern void report_virtual_column(Guard *guard, Oid relid, const char *name)
			pg_attribute_noreturn();
extern void report_key_lengths_differ(Guard *guard)
			pg_attribute_noreturn();
extern void report_key_repeats(Guard *guard)
			pg_attribute_noreturn();
extern void report_key_types_differ(Guard *guard, const GuardKeyColumn *key)
			pg_attribute_noreturn();
extern void report_no_unique_index(Guard *guard)
			pg_attribute_noreturn();
extern void report_tenant_type(Guard *guard, Oid type)
			pg_attribute_noreturn();
extern void report_status_type(Guard *guard)
			pg_attribute_noreturn();
extern void report_unknown_status(Guard *guard, const char *label)
			pg_attribute_noreturn();
extern void report_retire_column_in_key(Guard *guard)
			pg_attribute_noreturn();
extern void report_retire_boolean(Guard *guard)
			pg_attribute_noreturn();
extern void report_retire_type(Guard *guard)
			pg_attribute_noreturn();
extern void report_unknown_retire_value(Guard *guard)
			pg_attribute_noreturn();
extern void report_unknown_time_zone(Guard *guard)
			pg_attribute_noreturn();
extern void report_time_type(Guard *guard)
			pg_attribute_noreturn();

/* booking_guard_protect and booking_guard_unprotect */
extern void report_null_argument(const char *function, const char *argument)
			pg_attribute_noreturn();
extern void report_empty_argument(const char *function, const char *argument)
			pg_attribute_noreturn();
extern void report_bad_list(const char *argument)
			pg_attribute_noreturn();
extern void report_conflicting_statuses(void)
			pg_attribute_noreturn();
extern void report_statuses_without_column(void)
			pg_attribute_noreturn();
extern void report_retire_value_without_column(void)
			pg_attribute_noreturn();
extern void report_bad_mode(const char *mode)
			pg_attribute_noreturn();
extern void report_no_such_table(Oid relid)
			pg_attribute_noreturn();
extern void report_same_table(Oid relid)
			pg_attribute_noreturn();
extern void report_table_in_use(Oid relid)
			pg_attribute_noreturn();
extern void report_wrong_kind(Oid relid, const char *what, const char *hint)
			pg_attribute_noreturn();
extern void report_unlogged_service(Oid service_relid, Oid booking_relid)
			pg_attribute_noreturn();
extern void report_no_trigger_right(Oid relid)
			pg_attribute_noreturn();
extern void report_wrong_way_round(Oid service_relid, Oid booking_relid)
			pg_attribute_noreturn();
extern void report_no_foreign_key(Oid service_relid, Oid booking_relid)
			pg_attribute_noreturn();
extern void report_several_foreign_keys(Oid service_relid, Oid booking_relid,
										List *keys)
			pg_attribute_noreturn();
extern void report_no_primary_key(Oid service_relid)
			pg_attribute_noreturn();
extern void report_tenants_differ(Guard *guard, Oid service_relid,
								  const char *other_guard,
								  const char *other_tenant)
			pg_attribute_noreturn();
extern void report_retirements_differ(Guard *guard, Oid service_relid,
									  const char *other_guard,
									  const char *other_column,
									  const char *other_value)
			pg_attribute_noreturn();
extern void report_guard_differs(const char *name, const char *is,
								 const char *asked)
			pg_attribute_noreturn();
extern void report_broken_guard(const char *name, Oid sibling,
								Oid service_relid, Oid booking_relid)
			pg_attribute_noreturn();
extern void report_name_taken(Oid relid, const char *name)
			pg_attribute_noreturn();
extern char *report_orphans_query(Guard *guard, Oid booking_relid);
extern void report_orphans(Guard *guard, ClaimTally *tally)
			pg_attribute_noreturn();
extern void report_several_guards(Oid service_relid, Oid booking_relid,
								  List *keys)
			pg_attribute_noreturn();
extern void report_enum_labels(Guard *guard);
extern void report_no_blocking_status(Guard *guard);
extern void report_no_index(Guard *guard);
extern char *report_index_fix(Guard *guard);
extern char *report_table_name(Oid relid);

/* changes of a guarded table's definition */
extern void report_alter_breaks(const GuardTrigger *trigger, GuardSide side,
								const ErrorData *edata);
extern void report_alter_orphans(Guard *guard, Oid relid, const char *column,
								 ClaimTally *tally);
extern void report_attach_orphans(Guard *guard, Oid partition,
								  ClaimTally *tally);
extern void report_column_needed(const GuardTrigger *trigger, GuardSide side,
								 const char *column);
extern void report_alter_unlogged(Oid service_relid, Oid booking_relid)
			pg_attribute_noreturn();
extern void report_guarded_partition(const GuardTrigger *trigger,
									 GuardSide side)
			pg_attribute_noreturn();
extern void report_unknown_partition(Oid relid, const RangeVar *name)
			pg_attribute_noreturn();
extern void report_guarded_inheritance(Oid child, Oid parent, Oid guarded)
			pg_attribute_noreturn();

/* safe_delete_service, safe_retire_service, booking_guard_blocking_bookings */
extern void report_not_guarded(Oid relid)
			pg_attribute_noreturn();
extern void report_no_default_service(Oid sibling)
			pg_attribute_noreturn();
extern void report_tenant_required(Oid service_relid, const char *column)
			pg_attribute_noreturn();
extern void report_tenant_unknown(Oid service_relid)
			pg_attribute_noreturn();
extern void report_id_length(Oid service_relid, List *columns, int given)
			pg_attribute_noreturn();
extern void report_not_retiring(Guard *guard)
			pg_attribute_noreturn();
extern void report_retire_by_hand(Guard *guard)
			pg_attribute_noreturn();
extern void report_retire_generated(Guard *guard)
			pg_attribute_noreturn();
extern char *report_deleted(Guard *guard);
extern char *report_retired(Guard *guard);
extern char *report_not_found(Guard *guard);
extern void report_delete_suppressed(Guard *guard)
			pg_attribute_noreturn();
extern void report_retire_suppressed(Guard *guard)
			pg_attribute_noreturn();
extern void report_retire_undone(Guard *guard)
			pg_attribute_noreturn();

#pragma GCC visibility pop

#endif							/* BOOKING_GUARD_REPORT_H */

/*-------------------------------------------------------------------------
 *
 * row_lock.c
 *	  Whether a lock on a row keeps the row.
 *
 * Who locks a row FOR KEY SHARE that is being updated by somebody else, in
 * columns that are no key, need not wait.  The server marks the new version as
 * locked too, so that nobody can delete it; and whoever updates the row later
 * hands the lock on to the version that he makes.
 *
 * heap_lock_tuple() does both, but for one case (seen with PostgreSQL 15.20).
 * It looks at the row, lets go of it, follows what it has seen to the new
 * version, and may have to wait there, as when the same transaction has retired
 * or deleted the service too.  If that one is rolled back, the version is dead;
 * but meanwhile somebody else may have made another, before our mark was on the
 * old.  When the function comes back to the old one it sees an update, as
 * before, and is content.  The lock is then on a version that nobody looks at
 * any more.
 *
 * So look, once the lock is there: if the version that we have locked has been
 * updated, the next one must carry our lock as well.  If it does not, wait for
 * whoever made it, and have the row locked again.  To look at the next one is
 * enough: the server follows the chain further with each version in its hands.
 *
 * A foreign key is not protected from this by anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"

#include "guard.h"


/*
 * Get a version of a row, visible to whomever, with its page pinned and locked;
 * false if there is none.
 */
static bool
get_version(Relation rel, const ItemPointerData *tid, HeapTuple tuple,
			Buffer *buffer)
{
	tuple->t_self = *tid;
	if (!heap_fetch(rel, SnapshotAny, tuple, buffer, false))
		return false;
	LockBuffer(*buffer, BUFFER_LOCK_SHARE);
	return true;
}

/*
 * Whether this transaction is among those that have locked a version of a row.
 */
static bool
is_locked_by_us(HeapTupleHeader version)
{
	TransactionId xmax = HeapTupleHeaderGetRawXmax(version);
	MultiXactMember *members;
	int			nmembers;
	bool		result = false;

	if (version->t_infomask & HEAP_XMAX_INVALID)
		return false;
	if (!(version->t_infomask & HEAP_XMAX_IS_MULTI))
		return TransactionIdIsCurrentTransactionId(xmax);

	nmembers = GetMultiXactIdMembers(xmax, &members, false,
									 HEAP_XMAX_IS_LOCKED_ONLY(version->t_infomask));
	for (int i = 0; i < nmembers; i++)
		result |= TransactionIdIsCurrentTransactionId(members[i].xid);
	if (nmembers > 0)
		pfree(members);
	return result;
}

/*
 * row_lock_keeps
 *
 * Whether a row that this transaction has locked FOR KEY SHARE, or more
 * strongly, is kept by that.  If not, it must be locked again, with a new
 * snapshot; whom that depends on has ended by then.  The table is locked.
 */
bool
row_lock_keeps(const RowLock *row)
{
	Relation	rel = table_open(row->relid, NoLock);
	HeapTupleData version;
	ItemPointerData next = {0};
	Buffer		buffer;
	TransactionId updater = InvalidTransactionId;
	bool		keeps = true;

	/* Other kinds of tables have rules of their own. */
	if (rel->rd_tableam == GetHeapamTableAmRoutine() &&
		get_version(rel, &row->tid, &version, &buffer))
	{
		if (!HeapTupleHeaderIsOnlyLocked(version.t_data))
		{
			updater = HeapTupleHeaderGetUpdateXid(version.t_data);
			next = version.t_data->t_ctid;
		}
		UnlockReleaseBuffer(buffer);
	}

	/* What we have made ourselves is ours anyway. */
	if (TransactionIdIsValid(updater) &&
		!TransactionIdIsCurrentTransactionId(updater))
	{
		keeps = false;
		if (get_version(rel, &next, &version, &buffer))
		{
			keeps = TransactionIdEquals(HeapTupleHeaderGetXmin(version.t_data),
										updater) &&
				is_locked_by_us(version.t_data);
			UnlockReleaseBuffer(buffer);
		}
		if (!keeps)
			XactLockTableWait(updater, rel, &next, XLTW_LockUpdated);
	}

	table_close(rel, NoLock);
	return keeps;
}

/*-------------------------------------------------------------------------
 *
 * row_lock.c
 *	  Whether a lock on a row keeps the row.
 *
 * Who locks a row FOR KEY SHARE that is being updated by somebody else, in
 * columns that are no key, need not wait.  The server marks the new version as
 * locked too, so that nobody can delete it; and whoever updates the row later
 * hands the lock on to the version that he makes.  There are three cases in
 * which that is not so (seen in PostgreSQL 15.20):
 *
 * heap_lock_tuple() looks at the row, lets go of it, follows what it has seen to
 * the new version, and may have to wait there, as when the same transaction has
 * retired or deleted the service too.  If that one is rolled back, the version
 * is dead; but meanwhile somebody else may have made another, before our mark
 * was on the old.  When the function comes back to the old one it sees an
 * update, as before, and is content.
 *
 * Or somebody has locked the old version meanwhile, FOR UPDATE.  As that is no
 * update, the function is content as well, and two locks that exclude each
 * other are held at once.  Who has that one may have counted, and not found us.
 *
 * heap_update() marks the row as locked FOR NO KEY UPDATE and lets go of it, if
 * the new version does not fit on the page or has to be toasted.  Then it
 * writes over the mark what it had found out before, and over the marks of all
 * who came in between.
 *
 * In all of these the lock is not on the version that will be deleted, or came
 * too late.  So look, once it should be there: the version that was locked, and
 * all newer ones, must carry our mark, and none may be locked by somebody else
 * FOR NO KEY UPDATE or FOR UPDATE.  If not, wait for him, and have the row locked
 * again.  What comes later than this look finds our mark, and minds it.  Who has
 * the lock FOR UPDATE may be waiting for us by then; that deadlock the server
 * ends.
 *
 * A foreign key is not protected from this by anything.  What it does to the
 * bookings it does when the DELETE has waited, so in the third case a count
 * that comes as late finds them: see has_been_counted().
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
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"

#include "guard.h"


/* What the marks on a version of a row say. */
typedef struct Marks
{
	bool		ours;			/* we have locked it */
	TransactionId updater;		/* who has updated it, if anybody has */
	TransactionId rival;		/* who has locked it and may not mind ours */
} Marks;

/*
 * Read the marks on a version, whose page is locked.
 */
static void
read_marks(HeapTupleHeader version, Marks *marks)
{
	TransactionId xmax = HeapTupleHeaderGetRawXmax(version);
	uint16		infomask = version->t_infomask;
	MultiXactMember *members;
	int			nmembers;

	memset(marks, 0, sizeof(Marks));
	if (infomask & HEAP_XMAX_INVALID)
		return;

	if (!HeapTupleHeaderIsOnlyLocked(version))
		marks->updater = HeapTupleHeaderGetUpdateXid(version);

	if (infomask & HEAP_XMAX_IS_MULTI)
	{
		nmembers = GetMultiXactIdMembers(xmax, &members, false,
										 HEAP_XMAX_IS_LOCKED_ONLY(infomask));
		for (int i = 0; i < nmembers; i++)
		{
			if (TransactionIdIsCurrentTransactionId(members[i].xid))
				marks->ours = true;
			else if ((members[i].status == MultiXactStatusForNoKeyUpdate ||
					  members[i].status == MultiXactStatusForUpdate) &&
					 TransactionIdIsInProgress(members[i].xid))
				marks->rival = members[i].xid;
		}
		if (nmembers > 0)
			pfree(members);
	}
	else
		marks->ours = TransactionIdIsCurrentTransactionId(xmax);
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
	ItemPointerData tid = row->tid;
	TransactionId maker = InvalidTransactionId;
	bool		keeps = true;

	/* Other kinds of tables have rules of their own. */
	while (rel->rd_tableam == GetHeapamTableAmRoutine())
	{
		HeapTupleData version;
		Buffer		buffer;
		Marks		marks;

		version.t_self = tid;
		if (!heap_fetch(rel, SnapshotAny, &version, &buffer, false))
			break;

		/* Of a version that was never to be, the place may be taken. */
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (TransactionIdIsValid(maker) &&
			!TransactionIdEquals(HeapTupleHeaderGetRawXmin(version.t_data), maker))
		{
			UnlockReleaseBuffer(buffer);
			break;
		}
		read_marks(version.t_data, &marks);
		tid = version.t_data->t_ctid;
		UnlockReleaseBuffer(buffer);

		/* What we have updated ourselves is ours anyway. */
		if (TransactionIdIsCurrentTransactionId(marks.updater))
			break;

		if (!marks.ours || TransactionIdIsValid(marks.rival))
		{
			TransactionId other =
				TransactionIdIsValid(marks.rival) ? marks.rival :
				TransactionIdIsValid(marks.updater) ? marks.updater : maker;

			CHECK_FOR_INTERRUPTS();
			if (TransactionIdIsValid(other))
				XactLockTableWait(other, rel, &version.t_self,
								  XLTW_LockUpdated);
			keeps = false;
			break;
		}

		if (!TransactionIdIsValid(marks.updater))
			break;
		maker = marks.updater;
	}

	table_close(rel, NoLock);
	return keeps;
}

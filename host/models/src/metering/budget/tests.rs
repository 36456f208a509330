//! Reservations, bills and accounts.

use super::*;

fn usd(dollars: f64) -> Usd {
    Usd::from_f64(dollars)
}

#[tokio::test]
async fn bills_take_the_place_of_reservations() {
    // name, bill of a reservation of 0.6 out of 1.0, spent, unknown, whether 0.5 fit afterwards
    let known = |cost, estimated| Bill::Known { cost: usd(cost), estimated };
    let table = [
        ("free", Bill::Free, 0.0, 0.0, true),
        ("cheaper than the worst case", known(0.1, false), 0.1, 0.0, true),
        ("the worst case", known(0.6, false), 0.6, 0.0, false),
        ("without usage, the rest stays set aside", known(0.1, true), 0.1, 0.5, false),
        ("not answered", Bill::Unknown, 0.0, 0.6, false),
    ];
    for (name, bill, spent, unknown, fits) in table {
        let budget = Arc::new(Budget::new(usd(1.0)));
        budget.reserve(usd(0.6)).await.expect("it fits").settle(bill);
        let status = budget.status();
        assert_eq!((status.spent, status.unknown), (usd(spent), usd(unknown)), "{name}");
        assert_eq!(budget.reserve(usd(0.5)).await.is_ok(), fits, "{name}");
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_counts_as_spent() {
    let budget = Arc::new(Budget::new(usd(1.0)));
    drop(budget.reserve(usd(0.25)).await.expect("it fits"));
    assert_eq!(budget.status().unknown, usd(0.25));
}

#[tokio::test]
async fn what_is_under_way_is_waited_for() {
    let budget = Arc::new(Budget::new(usd(1.0)));
    let first = budget.reserve(usd(0.9)).await.expect("it fits");
    let waiting = tokio::spawn({
        let budget = budget.clone();
        async move { budget.reserve(usd(0.9)).await.map(|it| it.settle(Bill::Free)) }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    first.settle(Bill::Known { cost: usd(0.1), estimated: false });
    assert_eq!(waiting.await.expect("no panic"), Ok(()));
    assert_eq!(budget.reserve(usd(0.91)).await.err(), Some(Refused::Spent));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_never_spend_more_than_there_is() {
    let budget = Arc::new(Budget::new(usd(1.0)));
    let calls = (0..200u32).map(|at| {
        let budget = budget.clone();
        tokio::spawn(async move {
            let Ok(reservation) = budget.reserve(usd(0.05)).await else { return 0 };
            tokio::task::yield_now().await;
            let cost = usd(0.01 * f64::from(at % 5 + 1));
            reservation.settle(Bill::Known { cost, estimated: false });
            1
        })
    });
    let mut answered = 0;
    for call in calls.collect::<Vec<_>>() {
        answered += call.await.expect("no panic");
    }
    let spent = budget.status().spent;
    assert!(spent <= usd(1.0) && spent > usd(0.95), "{spent:?} by {answered} calls");
}

/// Two accounts are used at the same time. Each knows what was billed to it, and both together are what the run was
/// billed.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_used_at_once_know_their_own_bills() {
    let budget = Arc::new(Budget::new(usd(100.0)));
    // Calls of an account: how many, what each is billed, and what each may have cost besides.
    let table = [(120u32, 0.01, 0.0), (80, 0.02, 0.03), (50, 0.0, 0.05)];
    let accounts = table.map(|_| Arc::new(budget.account(None)));
    let mut calls = Vec::new();
    for at in 0..120 {
        for ((count, cost, unknown), account) in table.iter().copied().zip(&accounts) {
            let account = account.clone();
            calls.extend((at < count).then(|| {
                tokio::spawn(async move {
                    let reservation = account.reserve(usd(cost + unknown)).await.expect("it fits");
                    tokio::task::yield_now().await;
                    match (cost, unknown) {
                        (0.0, _) => drop(reservation),
                        _ => reservation.settle(Bill::Known { cost: usd(cost), estimated: unknown > 0.0 }),
                    }
                })
            }));
        }
    }
    for call in calls {
        call.await.expect("no panic");
    }
    let billed: Vec<Usd> = accounts.iter().map(|account| account.billed()).collect();
    assert_eq!(billed, [usd(1.2), usd(4.0), usd(2.5)]);
    assert_eq!(budget.billed(), billed.into_iter().sum());
    assert_eq!((budget.status().spent, budget.status().unknown), (usd(2.8), usd(4.9)));
}

/// An account is refused by its own share, and by what all accounts have spent together.
#[tokio::test]
async fn an_account_is_bound_by_its_share_and_by_the_budget() {
    // name, share, what the account and another one have spent, what is asked for, why it is refused, the same beyond the share
    let (spent, share_spent) = (Some(Refused::Spent), Some(Refused::ShareSpent));
    let table = [
        ("the share allows it", Some(0.5), 0.2, 0.0, 0.3, None, None),
        ("the share is spent", Some(0.5), 0.2, 0.0, 0.31, share_spent.clone(), None),
        ("the budget is spent by others", Some(0.5), 0.0, 0.9, 0.2, spent.clone(), spent.clone()),
        ("both are spent", Some(0.5), 0.4, 0.5, 0.2, spent.clone(), spent.clone()),
        ("without a share, the budget's limit holds", None, 0.2, 0.0, 0.8, None, None),
        ("and what others have spent counts", None, 0.2, 0.2, 0.8, spent.clone(), spent),
    ];
    for (name, share, own, others, asked, refused, beyond) in table {
        let budget = Budget::new(usd(1.0));
        let (account, other) = (budget.account(share.map(usd)), budget.account(None));
        for (account, cost) in [(&account, own), (&other, others)] {
            let reservation = account.reserve(usd(cost)).await.expect("it fits");
            reservation.settle(Bill::Known { cost: usd(cost), estimated: false });
        }
        assert_eq!(
            account.reserve(usd(asked)).await.map(|it| it.settle(Bill::Free)).err(),
            refused,
            "{name}"
        );
        let tried = account.beyond_share().reserve(usd(asked)).await;
        assert_eq!(tried.map(|it| it.settle(Bill::Free)).err(), beyond, "{name}: beyond the share");
        let limit = share.map_or((1.0, own + others), |share| (share, own));
        assert_eq!((account.status().limit, account.status().spent), (usd(limit.0), usd(limit.1)), "{name}");
        let of_run = account.status_of_run();
        assert_eq!((of_run.limit, of_run.spent), (usd(1.0), usd(own + others)), "{name}: the run");
    }
}

/// A call waits for its own account's calls in progress, and for those of others where the budget is what is short.
#[tokio::test]
async fn an_account_waits_for_what_can_give_back_enough() {
    let budget = Arc::new(Budget::new(usd(1.0)));
    let account = Arc::new(budget.account(Some(usd(0.5))));
    let first = account.reserve(usd(0.4)).await.expect("it fits");
    let waiting = tokio::spawn({
        let account = account.clone();
        async move { account.reserve(usd(0.4)).await.map(|it| it.settle(Bill::Free)) }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    first.settle(Bill::Free);
    assert_eq!(waiting.await.expect("no panic"), Ok(()));
}

//! Who comes back gets exactly what was written meanwhile, also after a crash.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Options;
use super::feed::Audience;
use super::stage::Stage;
use crate::report::table;

/// Users, events of each while they are away, and how fast those are written.
const USERS: usize = 100;
const EVENTS: usize = 100;
const RATE: usize = 4000;
/// Time to store positions: a commit period is five seconds.
const SETTLE: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(stage: &mut Stage, options: &Options, program: &Path) -> Result<()> {
    stage.abandon();
    let users = USERS.min(options.tenants);
    stage.connect(users).await?;
    let audience = Audience::InTurns(users);
    let at_once = Arc::<AtomicBool>::default();
    stage.sender.send_until(audience, RATE, users, &at_once).await?;
    tokio::time::sleep(SETTLE).await;

    stage.abandon();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.seen.clear();
    stage.sender.send_until(audience, RATE, users * EVENTS, &at_once).await?;
    stage.connect(users).await?;
    let left = Share::of(arrived(stage, users * EVENTS).await?);

    // Events come all the time, and in the middle of them the gateway dies.
    tokio::time::sleep(SETTLE).await;
    stage.seen.clear();
    let (stop, sender) = (Arc::new(AtomicBool::new(false)), stage.sender.clone());
    let crashing = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        stage.crash(program)?;
        stage.connect(users).await?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        stop.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let sending = sender.send_until(audience, options.rate, usize::MAX, &stop);
    let (crashed, sent) = tokio::join!(crashing, sending);
    crashed?;
    let sent = sent?.len();
    let killed = Share::of(arrived(stage, sent).await?);

    let row = |what: &str, expected: usize, share: &Share| {
        let cells = [expected, share.distinct, share.again, share.disordered];
        std::iter::once(what.to_owned()).chain(cells.map(|it| it.to_string())).collect()
    };
    let rows = [
        row("away meanwhile", users * EVENTS, &left),
        row("the gateway was killed meanwhile", sent, &killed),
    ];
    let head = ["", "written", "delivered", "delivered again", "out of order"];
    table(&format!("{users} users come back"), &head, &rows);
    Ok(())
}

/// Waits until so many different events have come, and a second for more.
async fn arrived(stage: &Stage, events: usize) -> Result<HashMap<usize, Vec<u64>>> {
    let mut all = HashMap::<usize, Vec<u64>>::new();
    let began = Instant::now();
    loop {
        for (user, serials) in stage.seen.take_serials() {
            all.entry(user).or_default().extend(serials);
        }
        let distinct: usize = all.values().map(|it| it.iter().collect::<BTreeSet<_>>().len()).sum();
        if distinct >= events || began.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (user, serials) in stage.seen.take_serials() {
        all.entry(user).or_default().extend(serials);
    }
    ensure!(!all.is_empty(), "nothing came");
    Ok(all)
}

/// What users got of theirs.
struct Share {
    distinct: usize,
    again: usize,
    /// Events that came for the first time after a later one.
    disordered: usize,
}

impl Share {
    fn of(all: HashMap<usize, Vec<u64>>) -> Self {
        let mut share = Self { distinct: 0, again: 0, disordered: 0 };
        for serials in all.into_values() {
            let mut known = BTreeSet::new();
            for serial in serials {
                let is_late = known.last().is_some_and(|last| serial < *last);
                if known.insert(serial) {
                    share.distinct += 1;
                    share.disordered += usize::from(is_late);
                } else {
                    share.again += 1;
                }
            }
        }
        share
    }
}

//! The gateway killed in the middle of an erasure: after the restart it comes to its end by itself, and
//! with everything that lay there before, at the kill and afterwards nothing of it opens.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::closure::Attack;
use crate::support::cli::{Site, wait_until};
use crate::support::folders::copy_all;
use crate::support::programs::{search, tell};
use crate::support::trace::Trace;

/// The most time that may go by before no further kill is begun.
const TIME: Duration = Duration::from_secs(60);

/// Kills when there is no tracer, each after a delay of its own.
const BLIND_KILLS: u32 = 12;

#[test]
fn an_erasure_comes_to_its_end_whenever_the_gateway_is_killed() {
    let mut stage = Stage::set();
    // Built before the clock runs, since that may wait for another build.
    Attack::make_ready();
    let began = Instant::now();
    let (mut tried, mut reached) = (0, Vec::new());
    let tracer = search("strace").filter(|strace| stage.trace(strace).is_some());
    match &tracer {
        Some(strace) => {
            // Before the first change, the third and so on until the erasure outruns the kill, then
            // before those between: should the time run out, every stage has had its share.
            for first in [1, 2] {
                for number in (first..).step_by(2) {
                    if began.elapsed() > TIME {
                        break;
                    }
                    let Some(change) = stage.kill_before(strace, number) else {
                        break;
                    };
                    reached.push((number, change));
                }
            }
            tried = reached.len();
        }
        None => {
            for turn in 0..BLIND_KILLS {
                if began.elapsed() > TIME {
                    break;
                }
                stage.kill_after(Duration::from_millis(u64::from(20 + turn * 37 % 200)));
                tried += 1;
            }
        }
    }
    reached.sort();
    let before: Vec<_> = reached.iter().map(|(_, change)| change.as_str()).collect();
    let how = match before.is_empty() {
        true => "at moments of chance".to_owned(),
        false => format!("each before another change: {}", before.join(", ")),
    };
    let took = began.elapsed();
    tell(&format!(
        "erasure: killed {tried} times in {took:.0?}, {how}"
    ));
    assert!(tried >= 5, "only {tried} kills");
}

/// A vault with somebody who stays, and one participant after another who goes.
struct Stage {
    site: Site,
    study: String,
    staying: String,
    left: usize,
}

/// Somebody who withdraws.
struct Leaving {
    erasure: String,
    item: String,
    said: String,
    /// What lay there when everything was still there.
    before: PathBuf,
}

impl Stage {
    fn set() -> Self {
        let site = Site::running();
        let study = site.study();
        let (_, session) = site.interview(&study);
        let file = site.file("stays.txt", b"what stays");
        let staying = site.upload(&file, &session, "notes");
        Self {
            site,
            study,
            staying,
            left: 0,
        }
    }

    fn leave(&mut self) -> Leaving {
        self.left += 1;
        let said = format!("what number {} said, and goes", self.left);
        let (participant, session) = self.site.interview(&self.study);
        let file = self.site.file("goes.txt", said.as_bytes());
        let item = self.site.upload(&file, &session, "notes");
        let before = self.image("before");
        Leaving {
            erasure: self.site.withdraw(&participant),
            item,
            said,
            before,
        }
    }

    fn image(&self, when: &str) -> PathBuf {
        let image = self.site.path(&format!("images/{}-{when}", self.left));
        copy_all(&self.site.vault(), &image);
        image
    }

    /// With what lay there before and at the kill, and every secret that is left.
    fn attack(&self, leaving: &Leaving, killed: &Path) {
        let found = Attack::quick()
            .earlier(&leaving.before)
            .earlier(killed)
            .now(&self.image("after"))
            .now(&self.site.home())
            .canary("goes", &leaving.said)
            .canary("stays", "what stays")
            .run(&format!("after kill {}", self.left));
        let reached: Vec<_> = found.reached().into_iter().collect();
        assert_eq!(reached, ["stays"], "{found:?}");
        assert!(found.unopened().is_empty(), "{found:?}");
    }

    fn trace(&self, strace: &Path) -> Option<Trace> {
        Trace::attach(strace, self.site.gateway_pid(), &self.site.vault())
    }

    /// Kills the gateway before the change of that number; says which it was, or nothing when the
    /// erasure has fewer.
    fn kill_before(&mut self, strace: &Path, number: usize) -> Option<String> {
        let leaving = self.leave();
        let trace = self.trace(strace).expect("it may attach");
        let approve = ["erasure", "approve", &leaving.erasure];
        let approval = self.site.begin("ig", &approve);
        let change = trace.nth(number);
        if change.is_some() {
            self.site.kill();
        }
        drop(trace);
        let killed = self.image("killed");
        let said = approval.finish();
        match &change {
            Some(_) => {
                // Nobody was told that it is done.
                said.fails(5);
                self.site.serve();
            }
            None => assert_eq!(said.json()["stage"], "certified"),
        }
        self.comes_to_its_end(&leaving.erasure, &leaving.item);
        self.attack(&leaving, &killed);
        change
    }

    /// Kills the gateway so long after the approval was sent.
    fn kill_after(&mut self, delay: Duration) {
        let leaving = self.leave();
        let approve = ["erasure", "approve", &leaving.erasure];
        let approval = self.site.begin("ig", &approve);
        std::thread::sleep(delay);
        self.site.kill();
        let killed = self.image("killed");
        let said = approval.finish();
        assert!(matches!(said.code, Some(0 | 5)), "{said:?}");
        self.site.serve();
        self.comes_to_its_end(&leaving.erasure, &leaving.item);
        self.attack(&leaving, &killed);
    }

    fn comes_to_its_end(&self, erasure: &str, item: &str) {
        let show = || self.site.run("ig", &["erasure", "show", erasure]).json();
        if show()["stage"] == "requested" {
            // The approval itself was not acknowledged and is not on record: it is given again.
            let again = self.site.run("ig", &["erasure", "approve", erasure]);
            again.json();
        }
        wait_until("the certificate", || {
            (show()["stage"] == "certified").then_some(())
        });
        self.site.fetch_in_vain("res", item).fails(4);
        assert_eq!(self.site.fetch("res", &self.staying), b"what stays");
        let left = self
            .site
            .vault()
            .join("store")
            .join("tapes")
            .join("material");
        let folders = std::fs::read_dir(left).expect("listed");
        let left = folders.map(|folder| {
            let folder = folder.expect("an entry").path();
            std::fs::read_dir(folder).expect("listed").count()
        });
        assert_eq!(left.sum::<usize>(), 1, "ciphertext is left of {item}");
    }
}

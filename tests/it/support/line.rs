//! A stretch of network on the loopback interface, which a test holds up or cuts.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::cli::wait_until;

/// What becomes of a connection that has carried a certain number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It breaks.
    Cut,
    /// Nothing goes through until it is released.
    Hold,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the gateway.
    Up,
    /// From the gateway.
    Down,
}

/// A port that passes everything on to another one.
pub(crate) struct Line {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Mishaps to come, each after so many bytes that way.
    mishaps: VecDeque<(Way, u64, Mishap)>,
    up: u64,
    down: u64,
    held: bool,
    closed: bool,
}

impl Line {
    /// A line to `port`, with mishaps that happen one after the other: each after so many bytes one
    /// way, counted over all connections.
    pub(crate) fn to(port: u16, mishaps: &[(Way, u64, Mishap)]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let here = listener.local_addr().expect("an address").port();
        let state = State {
            mishaps: mishaps.iter().copied().collect(),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let line = Self {
            port: here,
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.state().closed {
                    return;
                }
                // Nobody listens at the other end for a while after a crash.
                let Ok(gateway) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
                    continue;
                };
                shared.join(client.expect("a connection"), gateway);
            }
        });
        line
    }

    /// The address of this end.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until nothing goes through.
    pub(crate) fn wait_until_held(&self) {
        wait_until("the line is held", || {
            self.shared.state().held.then_some(())
        });
    }

    /// Lets everything through again.
    pub(crate) fn release(&self) {
        self.shared.state().held = false;
        self.shared.changed.notify_all();
    }

    /// Bytes that have gone through to the gateway.
    pub(crate) fn bytes_up(&self) -> u64 {
        self.shared.state().up
    }

    /// Mishaps that have not happened yet.
    pub(crate) fn to_come(&self) -> usize {
        self.shared.state().mishaps.len()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.release();
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, client: TcpStream, gateway: TcpStream) {
        for (from, to, way) in [(&client, &gateway, Way::Up), (&gateway, &client, Way::Down)] {
            let (shared, from, to) = (Arc::clone(self), again(from), again(to));
            thread::spawn(move || shared.pump(from, to, way));
        }
    }

    /// Carries bytes one way until either end is gone.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, way: Way) {
        let mut piece = [0; 32 * 1024];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if self.mishap(way, read as u64) == Some(Mishap::Cut) {
                let _ = from.shutdown(Shutdown::Both);
                break;
            }
            if to.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    /// Counts bytes, and gives the mishap that is due; what is held waits here, on every connection.
    fn mishap(&self, way: Way, read: u64) -> Option<Mishap> {
        let mut state = self.until_released(self.state());
        let gone = match way {
            Way::Up => &mut state.up,
            Way::Down => &mut state.down,
        };
        *gone += read;
        let gone = *gone;
        let due = state
            .mishaps
            .front()
            .is_some_and(|(which, after, _)| *which == way && gone >= *after);
        let (_, _, mishap) = due.then(|| state.mishaps.pop_front()).flatten()?;
        if mishap == Mishap::Hold {
            state.held = true;
            drop(self.until_released(state));
        }
        Some(mishap)
    }

    fn until_released<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while state.held {
            let waited = self.changed.wait_timeout(state, Duration::from_secs(120));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }
}

fn again(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a second hold of a connection")
}

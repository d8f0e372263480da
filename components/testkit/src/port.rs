//! Ports for servers that a test starts, or that it wants not to be there.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what the kernel gives to connections and to whoever asks for any port, and below what
/// `dev/services` takes: so nobody else gets one of these between choosing and listening, nor
/// while a server is away. And none of those that recorded cases name (14100 to 14199).
const FIRST: u32 = 10_000;
const COUNT: u32 = 4_000;

/// A port that nobody listens on. A process gets each only once.
///
/// # Panics
/// There is none left.
pub fn free_port() -> u16 {
    static START: OnceLock<u32> = OnceLock::new();
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Processes that test at the same time begin far from each other, most likely.
    let start = *START.get_or_init(|| std::process::id().wrapping_mul(0x9E37_79B1) % COUNT);
    loop {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        assert!(taken < COUNT, "no port is free");
        let port = u16::try_from(FIRST + (start + taken) % COUNT).expect("it is below 14000");
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

//! Callers who pour in more than anybody asked for: the service turns away, and needs little memory meanwhile.

use std::fs;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::deployment::{CALLER_KEY, Deployment, Kind};
use crate::process::Process;

const MIB: u64 = 1024 * 1024;

/// How far the memory of the service may rise above idle.
const ABOVE_IDLE_MAX: u64 = 8 * MIB;
/// How long it may take to turn away: an answer is given the time to be read before the connection is cut.
const TURNS_AWAY_WITHIN: Duration = Duration::from_secs(20);

const PEBIBYTE: &str = "content-length: 1125899906842624\r\n\r\n";
const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n";

/// What is said once, and then again and again until nobody listens.
struct Flood {
    name: &'static str,
    head: String,
    again: Vec<u8>,
    /// How it may be answered, if it is.
    status: u16,
}

fn floods() -> Vec<Flood> {
    let spaces = " ".repeat(0x1_0000);
    let chunk = format!("10000\r\n{spaces}\r\n");
    let order = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {CALLER_KEY}\r\n\
         content-type: application/json\r\n"
    );
    let stranger = "POST /v1/payments HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n";
    let notice = "POST /webhooks/paytech/main HTTP/1.1\r\nhost: test\r\nsignature: 00\r\n";
    let nowhere = "POST /nowhere HTTP/1.1\r\nhost: test\r\n";
    let flood = |name, head: &str, framing: &str, again: &str, status| Flood {
        name,
        head: format!("{head}{framing}"),
        again: again.into(),
        status,
    };
    vec![
        flood("an order with its length", &order, PEBIBYTE, &spaces, 413),
        flood("an order without end", &order, CHUNKED, &chunk, 413),
        flood("a notice with its length", notice, PEBIBYTE, &spaces, 413),
        flood("a notice without end", notice, CHUNKED, &chunk, 413),
        flood("an order with its length without a key", stranger, PEBIBYTE, &spaces, 401),
        flood("a body for nobody", nowhere, PEBIBYTE, &spaces, 404),
        flood("a body without end for nobody", nowhere, CHUNKED, &chunk, 404),
        flood("an order without end and without a key", stranger, CHUNKED, &chunk, 401),
        flood("a chunk's extension without end", notice, CHUNKED, &format!("1;{}", "x".repeat(1024)), 408),
        flood("a head without end", notice, "", &"x: y\r\n".repeat(1000), 431),
        flood("a header without end", notice, "x: ", &"x".repeat(1024), 431),
    ]
}

/// Pours until nobody takes it any more; tells how much was taken, and the status of the answer if there was one.
async fn pour(address: &str, flood: &Flood) -> (u64, Option<u16>) {
    let (mut reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
    let pouring = async move {
        let mut taken = 0;
        if writing.write_all(flood.head.as_bytes()).await.is_ok() {
            while writing.write_all(&flood.again).await.is_ok() {
                taken += flood.again.len() as u64;
            }
        }
        taken
    };
    let answering = async move {
        let mut answer = Vec::new();
        // A connection that is cut off may take the answer with it.
        let _ = reading.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        answer.strip_prefix("HTTP/1.1 ").map(|rest| rest[..3].parse().unwrap())
    };
    let both = async { tokio::join!(pouring, answering) };
    timeout(TURNS_AWAY_WITHIN, both).await.unwrap_or_else(|_| panic!("{}: nobody turns away", flood.name))
}

/// The resident memory of the service.
struct Memory<'a> {
    process: &'a Process,
    idle: u64,
}

impl<'a> Memory<'a> {
    /// From here on the highest rise is measured.
    fn at_idle(process: &'a Process) -> Self {
        fs::write(format!("/proc/{}/clear_refs", process.id()), "5").unwrap();
        Self { process, idle: resident(process, "VmRSS:") }
    }

    fn highest_above_idle(&self) -> u64 {
        resident(self.process, "VmHWM:").saturating_sub(self.idle)
    }
}

fn resident(process: &Process, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_pours_in_gigabytes_is_turned_away_and_fills_no_memory() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let service = deployment.serve_with(&[("HTTP__BODY_SECONDS", "2")]).await;
    let caller = deployment.caller();
    // What is made once only is made.
    assert_eq!(caller.try_order("order-1001").await.unwrap().status, 201);
    let address = deployment.setting("HTTP__LISTEN");
    let memory = Memory::at_idle(&service);
    for flood in floods() {
        let (taken, status) = pour(address, &flood).await;
        let Flood { name, status: expected, .. } = flood;
        println!(
            "{name}: {status:?}, {} KiB taken, {} KiB above idle",
            taken / 1024,
            memory.highest_above_idle() / 1024
        );
        assert!(status.is_none_or(|status| status == expected), "{name}: answered with {status:?}");
        let above_idle = memory.highest_above_idle();
        assert!(above_idle <= ABOVE_IDLE_MAX, "{name}: {above_idle} bytes above idle");
    }
    assert_eq!(caller.try_order("order-1002").await.unwrap().status, 201, "everybody else is served as before");
}

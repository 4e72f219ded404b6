//! Whatever a gateway pours out: the client stops taking it, says what that proves, and needs little memory meanwhile.
//! A program of its own with one test, so that nothing else fills its memory.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout, reason = "a bound that is kept just so is worth seeing")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::write::GzEncoder;
use gateway_client::answer::{self, CreateOutcome, Received, UnknownReason};
use gateway_client::client::{Client, Settings};
use gateway_client::request::{self, Class, CreatePayment, ListQuery, Request};
use gateway_client::vocabulary::PaymentType;
use tokio::task::spawn_blocking;

const MIB: u64 = 1024 * 1024;

/// What one answer may take: of memory above idle; and of the flood, which is what is read, and what lies in the
/// system's buffers when the client turns away.
const ONE: Bounds = Bounds { above_idle: 8 * MIB, taken: 16 * MIB };
/// The same for a page of a list, which may have 16 MiB, and is copied as it grows.
const PAGE: Bounds = Bounds { above_idle: 40 * MIB, taken: 32 * MIB };

const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";
const CREATED: &str = "Content-Length: 40\r\n\r\n{\"status\": 200, \"result\": {\"id\": \"a1\" }}";

/// Bytes, and how often they are said.
#[derive(Clone)]
struct Piece(Vec<u8>, u64);

const FOR_EVER: u64 = u64::MAX;

fn once(text: &str) -> Piece {
    Piece(text.into(), 1)
}

/// An answer that no gateway should give, and what it proves.
struct Flood {
    name: &'static str,
    answer: Vec<Piece>,
    proves: fn(&UnknownReason) -> bool,
}

impl Flood {
    fn new(name: &'static str, proves: fn(&UnknownReason) -> bool, pieces: &[Piece]) -> Self {
        Self { name, answer: [&[once(OK)], pieces].concat(), proves }
    }
}

fn too_large(reason: &UnknownReason) -> bool {
    *reason == UnknownReason::AnswerTooLarge
}

/// However the HTTP library calls it: there is no answer.
fn no_answer(reason: &UnknownReason) -> bool {
    matches!(reason, UnknownReason::NotHttp | UnknownReason::Transport)
}

fn bodies() -> Vec<Flood> {
    let spaces = " ".repeat(0x1_0000);
    let gibibyte = || Piece(spaces.clone().into(), 1024 * MIB / 0x1_0000);
    let chunks = Piece(format!("10000\r\n{spaces}\r\n").into(), FOR_EVER);
    let one_chunk = Piece(spaces.clone().into(), FOR_EVER);
    vec![
        Flood::new("1 GiB announced", too_large, &[once("Content-Length: 1073741824\r\n\r\n"), gibibyte()]),
        Flood::new("1 GiB until the connection ends", too_large, &[once("\r\n"), gibibyte()]),
        Flood::new("chunks without end", too_large, &[once(CHUNKED), chunks]),
        Flood::new("one chunk without end", too_large, &[once(CHUNKED), once("7fffffffffffff\r\n"), one_chunk]),
    ]
}

fn frames() -> Vec<Flood> {
    let headers = |times| Piece("x: y\r\n".repeat(1000).into(), times);
    let letters = |times| Piece("x".repeat(1024).into(), times);
    vec![
        Flood::new("a header of 1 MiB", no_answer, &[once("x: "), letters(1024), once("\r\n"), once(CREATED)]),
        Flood::new("headers of 1 MiB", no_answer, &[headers(175), once(CREATED)]),
        Flood::new("headers without end", no_answer, &[headers(FOR_EVER)]),
        Flood::new("a chunk's extension without end", no_answer, &[once(CHUNKED), once("1;"), letters(FOR_EVER)]),
        Flood::new("trailers without end", no_answer, &[once(CHUNKED), once("0\r\n"), headers(FOR_EVER)]),
    ]
}

/// Hundreds of megabytes of spaces before what would be a success, in a thousandth of gzip.
fn bomb() -> Flood {
    let packed = |text: &str| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    // Whatever unpacks gzip takes any number of such parts for one text.
    let mebibyte = packed(&" ".repeat(1024 * 1024));
    let success = packed("{\"status\": 200, \"result\": {\"id\": \"a1\" }}");
    let length = 900 * mebibyte.len() + success.len();
    let head = once(&format!("Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"));
    let unreadable = |reason: &UnknownReason| *reason == UnknownReason::Unreadable { status: 200 };
    Flood::new("900 MiB in less than one of gzip", unreadable, &[head, Piece(mebibyte, 900), Piece(success, 1)])
}

/// A gateway that answers one request.
struct Gateway {
    address: SocketAddr,
    answering: JoinHandle<u64>,
}

impl Gateway {
    fn start(answer: Vec<Piece>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering = thread::spawn(move || pour(listener.accept().unwrap().0, &answer));
        Self { address, answering }
    }

    async fn receive(&self, request: Request) -> Received {
        let client = Client::new(&Settings::new(format!("http://{}", self.address), "a-key".into())).unwrap();
        client.send(request).await
    }

    /// How many bytes were taken from it, once the client has turned away.
    async fn taken(self) -> u64 {
        spawn_blocking(|| self.answering.join().unwrap()).await.unwrap()
    }
}

fn pour(mut stream: TcpStream, answer: &[Piece]) -> u64 {
    let mut request = [0; 4096];
    assert!(stream.read(&mut request).unwrap() > 0);
    let mut taken = 0;
    for Piece(bytes, times) in answer {
        for _ in 0..*times {
            if stream.write_all(bytes).is_err() {
                return taken;
            }
            taken += bytes.len() as u64;
        }
    }
    taken
}

/// The resident memory of this process.
struct Memory {
    idle: u64,
}

impl Memory {
    /// From here on the highest rise is measured.
    fn at_idle() -> Self {
        fs::write("/proc/self/clear_refs", "5").unwrap();
        Self { idle: resident("VmRSS:") }
    }

    fn highest_above_idle(&self) -> u64 {
        resident("VmHWM:").saturating_sub(self.idle)
    }
}

fn resident(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

struct Bounds {
    above_idle: u64,
    taken: u64,
}

async fn meet(flood: Flood, request: Request, memory: &Memory, bounds: &Bounds) {
    let Flood { name, answer, proves } = flood;
    let gateway = Gateway::start(answer);
    let received = gateway.receive(request).await;
    let taken = gateway.taken().await;
    let above_idle = memory.highest_above_idle();
    println!("{name}: {} KiB taken, at most {} KiB above idle so far", taken / 1024, above_idle / 1024);
    match answer::classify_create(received) {
        CreateOutcome::Unknown(reason) => assert!(proves(&reason), "{name}: {reason:?}"),
        outcome => panic!("{name}: {outcome:?}"),
    }
    assert!(above_idle <= bounds.above_idle, "{name}: {above_idle} bytes above idle");
    assert!(taken <= bounds.taken, "{name}: {taken} bytes were taken");
}

fn requests() -> [Request; 3] {
    let order = CreatePayment {
        amount: "49.90".parse().ok(),
        reference_id: Some("order-1".to_owned()),
        ..CreatePayment::new(PaymentType::Deposit, "EUR")
    };
    let post = |class| request::create_payment(&order, class).unwrap();
    [post(Class::Inert), post(Class::Moving), request::get_payment(&"a1".parse().unwrap())]
}

#[tokio::test]
async fn no_answer_takes_more_memory_than_was_set_for_it() {
    // What is made once only is made.
    let gateway = Gateway::start(vec![once(OK), once(CREATED)]);
    assert!(gateway.receive(requests()[0].clone()).await.is_ok());
    gateway.taken().await;

    // Measured from the first idle on: what was freed may stay with the process, and would hide what comes later.
    let memory = Memory::at_idle();
    for request in requests() {
        for flood in bodies().into_iter().chain(frames()).chain([bomb()]) {
            meet(flood, request.clone(), &memory, &ONE).await;
        }
    }
    let list = request::list_payments(&ListQuery::default()).unwrap();
    for flood in frames() {
        meet(flood, list.clone(), &memory, &ONE).await;
    }
    for flood in bodies() {
        meet(flood, list.clone(), &memory, &PAGE).await;
    }

    // A measure that shows nothing proves nothing.
    let before = memory.highest_above_idle();
    let held = std::hint::black_box(vec![1_u8; 64 * 1024 * 1024]);
    assert!(memory.highest_above_idle() > before);
    drop(held);
}

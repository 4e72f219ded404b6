//! What may go wrong, numbered from 1 to 64, and which test makes it go wrong: the table that a reader of `docs/guarantees.md`
//! holds against the code. A test says that it injected a fault by [`struck`], which fails where nothing was injected and where
//! the table does not know the test; the tests of this crate fail where the table names a test that is not there.
//!
//! Not shipped, and known to tests only.

mod table;

pub use table::CATALOGUE;

/// One thing that may go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its number, from 1.
    pub number: u8,
    /// What goes wrong.
    pub what: &'static str,
    /// What becomes of it.
    pub expected: &'static str,
    /// Who makes it go wrong and sees what becomes of it.
    pub proofs: &'static [Proof],
}

/// Who makes a fault strike.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// A test function, in a file below `crates/`. It calls [`struck`].
    Test {
        /// `api/tests/stories/notices.rs`.
        file: &'static str,
        /// The function's name.
        name: &'static str,
    },
    /// Seeds of the simulation: faults of it by their names. That they struck is asserted where the seeds are run.
    Seeds(&'static [&'static str]),
}

/// Says that a test injected a fault, and how often.
///
/// # Panics
///
/// If it did not strike at all, or the catalogue does not name the test that calls this: the row would promise nothing.
#[allow(clippy::panic, reason = "only tests call it")]
#[allow(clippy::print_stdout, reason = "a figure counts only with its faults beside it")]
pub fn struck(number: u8, times: impl TryInto<u64>) {
    let times = times.try_into().unwrap_or(0);
    assert!(times > 0, "fault {number} was not injected");
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let Some(fault) = CATALOGUE.iter().find(|fault| fault.number == number) else {
        panic!("there is no fault {number} in the catalogue");
    };
    let is_named = fault
        .proofs
        .iter()
        .any(|proof| matches!(proof, Proof::Test { name, .. } if test.split("::").any(|part| part == *name)));
    assert!(is_named, "fault {number} does not name the test {test}");
    println!("fault {number} ({}) struck {times} times", fault.what);
}

//! The table against the sources: nothing is promised that no test injects.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use fault_catalogue::{CATALOGUE, Proof};

#[test]
fn the_catalogue_is_whole() {
    let numbers: Vec<u8> = CATALOGUE.iter().map(|fault| fault.number).collect();
    assert_eq!(numbers, (1..=64).collect::<Vec<u8>>());
    let unproven: Vec<u8> =
        CATALOGUE.iter().filter(|fault| fault.proofs.is_empty()).map(|fault| fault.number).collect();
    assert!(unproven.is_empty(), "no test injects the faults {unproven:?}");
}

#[test]
fn each_test_that_is_named_is_there_and_injects_its_fault() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for fault in CATALOGUE {
        for proof in fault.proofs {
            match proof {
                Proof::Test { file, name } => {
                    let source = fs::read_to_string(house.join(file)).unwrap_or_else(|_| panic!("{file} is not there"));
                    let body = body(&source, name).unwrap_or_else(|| panic!("{file} has no test {name}"));
                    let call = format!("struck({},", fault.number);
                    assert!(body.contains(&call), "{name} in {file} does not say that fault {} struck", fault.number);
                }
                // The names are held against the faults where the seeds are run.
                Proof::Seeds(names) => assert!(!names.is_empty(), "fault {}", fault.number),
            }
        }
    }
}

/// The text of a function: from its name to the next function that starts on the same level.
fn body<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let start = source.find(&format!("fn {name}("))?;
    let line = source[..start].rfind('\n').map_or(0, |end| end + 1);
    let indent = &source[line..][..source[line..].find(|c: char| c != ' ')?];
    let end = source[start..].find(&format!("\n{indent}}}")).map_or(source.len(), |end| start + end);
    Some(&source[start..end])
}

#[test]
fn the_text_of_a_function_ends_where_it_ends() {
    let source = "fn one() {\n    struck(1, 1);\n}\n\nfn two() {\n    if true {\n    }\n    struck(2, 1);\n}\n";
    assert!(body(source, "one").unwrap().contains("struck(1,"));
    assert!(!body(source, "one").unwrap().contains("struck(2,"));
    assert!(body(source, "two").unwrap().contains("struck(2,"));
    assert!(body(source, "three").is_none());
}

//! What settlement files say: bytes in, lines out.
//!
//! A provider tells in a file what it has paid out, and a bank in a statement what has arrived. Whatever cannot be read as one
//! is refused as a whole, with the line at which it makes no sense: half a file would be a wrong one.

mod camt;
mod csv_file;
mod malformed;
mod named;
mod statement;

pub use csv_file::{Columns, InvalidColumns};
pub use malformed::Malformed;
pub use statement::{Format, Statement};

//! All the SQL: the batched write path, claims of due work, and reads.
//!
//! Nothing is decided here. What comes in was decided on a version, and only that version may be replaced.
//! [`Store`], [`Means`], [`Reconciliations`] and [`Settlements`] have three implementations (PostgreSQL, SQLite, memory) and one conformance suite; [`Reads`]
//! and [`Keys`] have the two databases. [`Coalescer`] makes batches of what arrives together.

mod books;
mod bulk_actions;
mod coalescer;
mod columns;
mod connect;
mod database_url;
mod error;
mod events;
mod exports;
mod flaw;
mod inbox;
mod keys;
mod means;
mod memory;
mod named_requests;
mod pool_settings;
mod postgres;
mod proposals;
mod reads;
mod reconciliations;
mod replicas;
mod samples;
mod schema;
mod sessions;
mod settlements;
mod sqlite;
mod store;
mod streams;
mod stuck;
mod switches;

pub use books::{Books, BooksEnd, Line, LineEntry, LineName, LinePayment};
pub use bulk_actions::{BulkAction, BulkActions, BulkActionsPage, BulkClaim, BulkRecorded, BulkState, BulkTrouble};
pub use coalescer::{Coalescer, CoalescerCounts, LaneCounts};
pub use connect::{Database, connect, migrate};
pub use database_url::{DatabaseUrl, InvalidDatabaseUrl};
pub use error::StoreError;
pub use events::{
    DeliveriesPage, Delivery, DeliveryState, Endpoint, EndpointClaim, EndpointState, Event, Events, EventsPage, Payload,
};
pub use exports::{Balance, Download, Export, ExportClaim, ExportState, Exports, ExportsPage, OpenAmount};
pub use inbox::{Dismissal, FiledNotice, Inbox, InboxPage, NoticeDeed, NoticeDeedKind};
pub use keys::{KeyRecord, KeyRotation, Keys, PreviousKey, Scope};
pub use means::Means;
pub use memory::{GatewayPaymentRow, MemoryStore, OutboxRow};
pub use named_requests::{Claimed, NamedRequests, RequestClaim};
pub use pool_settings::PoolSettings;
pub use proposals::{Decided, Proposal, Proposals, ProposalsPage};
pub use reads::{Audited, Filter, Health, Ledger, NoticeRecord, Page, Position, Reads, Violation};
pub use reconciliations::{
    Against, Break, BreakFilter, BreakState, BreaksPage, Cause, Covered, Met, Reconciled, Reconciliations, Resolution,
    Run, RunClaim, RunProgress, RunState, RunStep, RunsPage, Step, Tally, Unfound, UnmatchedNotice,
};
pub use replicas::{Replica, Replicas};
pub use samples::{OpenCount, SampleClaim, Samples};
pub use sessions::{Holder, Person, Proof, Session, Sessions};
pub use settlements::{Settlement, Settlements};
pub use sqlite::{ServingLock, lock_for_serving};
pub use store::{
    Birth, Claim, DueNotice, Filed, Lease, Move, Name, Notice, NoticeId, Opened, Outcome, OwnerId, Pass, Received,
    Store, Stored, Sweep, SweepClaim, UnmatchedPayment, Write,
};
pub use streams::{StreamClaim, StreamPlace, Streams};
pub use stuck::{StuckItem, StuckPage, StuckTally};
pub use switches::{SwitchChange, Switches};

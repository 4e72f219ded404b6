//! The deeds: take a payment, hear a notice, check what is due, sweep the gateway's list, reconcile with it, tell
//! others, prove that the books are right.
//!
//! Every deed is the same sentence: somebody saw something, the domain decides, the store records
//! (`Desk::record`). The orchestrator is deterministic when its inputs are: it spawns nothing but the writing of files, waits for no
//! timer, and makes no ids; the time and the names are handed in.

mod breaker;
mod bulk;
mod check;
mod clock;
mod command;
mod deed_error;
mod desk;
mod endpoint;
mod ends;
mod event;
mod export;
mod fingerprint;
mod gateway;
mod kept;
mod look_up;
mod means;
mod notice;
mod operate;
mod pass_on;
mod permit;
mod preview;
mod publish;
mod push;
mod reconcile;
mod record;
mod refund;
mod repeat;
mod resolve;
mod send;
mod stops;
mod sweep;
mod take;
mod throttle;
mod vault;
mod verify;

pub use breaker::{Breaker, BreakerSettings, Closed, Trouble};
pub use bulk::{BulkDeed, BulkOrder, BulkWorker};
pub use check::Checked;
pub use clock::Clock;
pub use command::{Commanded, GivenCommand};
pub use deed_error::DeedError;
pub use desk::{Desk, Parts, Rules};
pub use endpoint::{EndpointOrder, SigningSecret};
pub use ends::Ends;
pub use event::{EventPattern, InvalidEventPattern, event_id, event_type, read_event_id};
pub use export::{Bucket, BucketAccess, ExportOrder, ExportRules, Exporter, InvalidBucket, KeptFile, Shelf};
pub use gateway::{Gateway, HttpGateway};
pub use means::PaidWith;
pub use notice::{Heard, HeardNotice, NoticeError};
pub use pass_on::Balances;
pub use preview::Preview;
pub use publish::{EventStream, LastMessage, PublishError, Publisher, StreamEnd, StreamError};
pub use push::{Message, PushRules, Pusher, Receivers, Refusal};
pub use reconcile::{KeptSettlement, Reconciler, ReconciliationRules, SettlementFile};
pub use refund::RefundOrder;
pub use repeat::{Attempt, Begun, Repeater, RequestName};
pub use resolve::{Action, ActionPreview, ResolveRules, Resolved, Resolver, Wanted};
pub use stops::Stops;
pub use sweep::{SweepRules, Swept};
pub use take::{Taken, kind_of};
pub use throttle::RequestRate;
pub use vault::{InvalidMasterKey, Vault, holds_card_number, mask_card_numbers};
pub use verify::{Mismatch, Verified};

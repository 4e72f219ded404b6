//! The shipped binary: HTTP, command line, settings, wiring, the workers' loops, and our own runtime.

pub mod application;
pub mod cli;
mod clock;
pub mod console;
mod failpoint;
pub mod http;
mod ids;
mod keys;
mod logs;
mod metered;
mod metrics;
mod nats;
mod outgoing;
mod receivers;
mod sampling;
pub mod sandbox;
pub mod settings;
mod simulator;
mod traced;
mod traces;
mod trend;
mod window;
pub mod workers;
mod works;

pub use clock::SystemClock;
pub use ids::Ids;
pub use sampling::Sampler;

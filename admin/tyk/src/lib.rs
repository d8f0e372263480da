//! The Tyk dialect, and the gateway it assembles.
//!
//! [`Settings`] reads `tyk.conf` and its environment variables; documents become APIs (`document`);
//! the Gateway API (`control`) and the Dashboard API (`dashboard`) let people create and change them.
//! [`Gateway::start`] puts all of it together with a data plane and returns a [`Running`] gateway.
//!
//! Holds always: texts, statuses and key names are those of the reference; what guards an API and can't
//! be enforced refuses the document instead of being ignored.
//! Lives elsewhere: use cases (`admin/service`), serving (`gateway/plane`), streams (`gateway/streams`).

mod control;
mod dashboard;
mod document;
mod gateway;
mod http_body;
mod ports;
mod secrets;
mod settings;

pub use gateway::{Addresses, Gateway, Options, Running, StartError};
pub use settings::{
    Address, Dashboard, Database, SHIPPED_SECRET, Settings, SettingsError, Storage, StorageTls,
    Streaming,
};
pub use sluice_service::{Report, Trouble};

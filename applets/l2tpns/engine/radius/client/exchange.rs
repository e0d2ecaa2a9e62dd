//! A request, from its wait to its last try.

use std::net::SocketAddr;
use std::time::Instant;

use wanbox_wire::radius::Authenticator;

use super::ExchangeView;
use crate::radius::{AccessRequest, AccountingRequest, SharedSecret, Status};

/// Both services; the place in tables of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    Access = 0,
    Accounting = 1,
}

#[derive(Debug)]
pub enum Work {
    Access(Box<AccessRequest>),
    Accounting(Box<AccountingRequest>),
}

impl Work {
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Access(_) => Lane::Access,
            Self::Accounting(_) => Lane::Accounting,
        }
    }
}

/// A request that waits.
#[derive(Debug)]
pub struct Waiting {
    pub key: u64,
    pub since: Instant,
    pub work: Work,
}

/// One try.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    pub number: u16,
    pub to: SocketAddr,
    pub authenticator: Authenticator,
    pub at: Instant,
}

/// A request under way.
#[derive(Debug)]
pub struct Exchange {
    pub waiting: Waiting,
    /// Tells it from others that had its place.
    pub serial: u64,
    pub tries: Vec<Try>,
    pub deadline: Instant,
    pub packet: Vec<u8>,
    pub secret: SharedSecret,
}

impl Exchange {
    /// What is shown of it; nothing before it was sent.
    pub fn view(&self) -> Option<ExchangeView> {
        let last = self.tries.last()?;
        Some(ExchangeView {
            number: last.number,
            state: match &self.waiting.work {
                Work::Access(_) => "AUTH",
                Work::Accounting(record) => match record.status {
                    Status::Start => "START",
                    Status::Stop(_) => "STOP",
                    Status::Interim => "INTERIM",
                },
            },
            key: self.waiting.key,
            tries: self.tries.len(),
            retry: self.deadline,
            server: last.to,
        })
    }
}

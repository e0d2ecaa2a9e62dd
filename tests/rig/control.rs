//! The control socket of a link daemon, spoken without the project's own client:
//! one JSON object a line each way.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Context;
use crate::{Error, Result, Router};

impl Router {
    /// Asks a device's daemon and returns its reply.
    ///
    /// # Errors
    /// No daemon, no reply within a minute, or one that is no JSON.
    pub fn ask(&self, device: &str, request: &Value) -> Result<Value> {
        let path = self.path(&format!("/run/wanbox/{device}.sock"));
        let mut stream = UnixStream::connect(&path).context(path.display())?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let mut reply: Value = serde_json::from_str(&line).context("the daemon's reply")?;
        // A reply that was understood is wrapped; inside, the daemon may still have refused.
        let Some(inner) = reply.get_mut("ok").map(Value::take) else {
            return Err(Error::new(format!("{device}: {request}: {reply}")));
        };
        if inner.get("reply").and_then(Value::as_str) == Some("failed") {
            return Err(Error::new(format!("{device}: {request}: {inner}")));
        }
        Ok(inner)
    }

    /// The state of a device.
    ///
    /// # Errors
    /// As [`Router::ask`].
    pub fn status(&self, device: &str) -> Result<Value> {
        self.ask(device, &json!({"op": "status"}))
    }

    /// Whether the link of a device is up; a daemon that does not answer yet has none.
    pub fn is_connected(&self, device: &str) -> bool {
        self.status(device)
            .is_ok_and(|status| status.get("state").and_then(Value::as_str) == Some("connected"))
    }

    /// Whether an interface of a device carries data.
    pub fn is_channel_up(&self, device: &str, interface: &str) -> bool {
        let Ok(status) = self.status(device) else {
            return false;
        };
        status
            .get("interfaces")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|i| {
                i.get("name").and_then(Value::as_str) == Some(interface)
                    && i.get("connected").and_then(Value::as_bool) == Some(true)
            })
    }

    /// One counter of a device, 0 while it is not there.
    ///
    /// # Errors
    /// As [`Router::ask`].
    pub fn counter(&self, device: &str, group: &str, name: &str) -> Result<u64> {
        let counters = self.ask(device, &json!({"op": "counters"}))?;
        Ok(counters
            .pointer(&format!("/{group}/{name}"))
            .and_then(Value::as_u64)
            .unwrap_or(0))
    }

    /// Every counter of a device whose name contains `part`, added up.
    ///
    /// # Errors
    /// As [`Router::ask`].
    pub fn counters_like(&self, device: &str, part: &str) -> Result<u64> {
        let counters = self.ask(device, &json!({"op": "counters"}))?;
        Ok(counters
            .as_object()
            .into_iter()
            .flat_map(|groups| groups.values())
            .filter_map(Value::as_object)
            .flatten()
            .filter(|(name, _)| name.contains(part))
            .filter_map(|(_, value)| value.as_u64())
            .sum())
    }
}

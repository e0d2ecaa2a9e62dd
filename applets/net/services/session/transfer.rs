//! `record` and `upload`: a session into a file, a file into a session.

use std::fmt;
use std::io::{self, Read, Write};

use wanbox_net_console::telnet::Eol;

use super::{Kind, MOST_TYPED, Session};
use crate::{Services, SessionId};

/// Octets of a file that are read at once. Each becomes at most two.
const PIECE: usize = 1024;

/// What the system says about a file, without the number that nobody reads.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let said = text.split(" (os error").next().unwrap_or_default();
    said.to_owned()
}

/// A file that a session is written into.
pub(super) struct Record {
    pub name: String,
    file: Box<dyn Write>,
}

/// A file that is sent as if it were typed.
pub(super) struct Upload {
    pub name: String,
    file: Box<dyn Read>,
    /// A carriage return came last: a line feed behind it belongs to it.
    carriage_return: bool,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Session {
    /// Writes what was received, or typed, into the file: without carriage returns.
    pub(super) fn record(&mut self, octets: &[u8]) {
        let Some(record) = &mut self.record else {
            return;
        };
        let lines: Vec<u8> = octets
            .iter()
            .copied()
            .filter(|octet| *octet != b'\r')
            .collect();
        if let Err(error) = record.file.write_all(&lines) {
            let name = &record.name;
            self.after
                .extend(format!("Can't write {name}: {}\r\n", reason(&error)).bytes());
            self.record = None;
        }
    }

    /// The next piece of the file, if there is room for it: whether there may be more.
    pub(super) fn upload_piece(&mut self, eol: Eol) -> bool {
        if !self.typed.is_empty() || self.closing {
            return false;
        }
        let Some(upload) = &mut self.upload else {
            return false;
        };
        let mut piece = [0; PIECE];
        let read = match upload.file.read(&mut piece) {
            Ok(read) => read,
            Err(error) => {
                let name = &upload.name;
                self.after
                    .extend(format!("Can't read {name}: {}\r\n", reason(&error)).bytes());
                0
            }
        };
        let piece = piece.get(..read).unwrap_or_default();
        if piece.is_empty() {
            self.upload = None;
            return false;
        }
        let mut behind_return = upload.carriage_return;
        for &octet in piece {
            let behind = std::mem::replace(&mut behind_return, octet == b'\r');
            match octet {
                b'\n' if behind => {}
                b'\n' if self.kind.is_plain() => self.typed.push(b'\r'),
                _ if self.kind.is_plain() => self.typed.push(octet),
                b'\n' | b'\r' if !self.raw => self.typed.extend(b"\r\n"),
                b'\n' => self.telnet.send_key(b'\r', eol, &mut self.typed),
                _ => self.telnet.send_key(octet, eol, &mut self.typed),
            }
        }
        upload.carriage_return = behind_return;
        if !self.raw {
            self.record(piece);
        }
        true
    }
}

impl Services {
    /// Records a session into a file, or ends that.
    ///
    /// # Errors
    /// There is no such session.
    pub fn record(
        &mut self,
        id: SessionId,
        file: Option<(String, Box<dyn Write>)>,
    ) -> Result<(), String> {
        let session = self.session_mut(id)?;
        session.record = file.map(|(name, file)| Record { name, file });
        Ok(())
    }

    /// The file that a session is recorded into.
    #[must_use]
    pub fn recording(&self, id: SessionId) -> Option<&str> {
        let record = self.sessions.get(id)?.record.as_ref()?;
        Some(&record.name)
    }

    /// Whether a file can be sent in a session.
    ///
    /// # Errors
    /// What is said when it cannot.
    pub fn may_upload(&self, id: SessionId) -> Result<(), String> {
        match self.sessions.get(id).map(|session| session.kind) {
            Some(Kind::Telnet | Kind::Ax25 | Kind::NetRom) => Ok(()),
            Some(Kind::Finger) => Err("Uploading on FINGER session not supported".to_owned()),
            None => Err("Invalid session".to_owned()),
        }
    }

    /// Sends a file in a session, or ends that. It ends by itself with the file.
    ///
    /// # Errors
    /// See [`Services::may_upload`].
    pub fn upload(
        &mut self,
        id: SessionId,
        file: Option<(String, Box<dyn Read>)>,
    ) -> Result<(), String> {
        self.may_upload(id)?;
        let session = self.session_mut(id)?;
        session.upload = file.map(|(name, file)| Upload {
            name,
            file,
            carriage_return: false,
        });
        Ok(())
    }

    /// The file that is sent in a session.
    #[must_use]
    pub fn uploading(&self, id: SessionId) -> Option<&str> {
        let upload = self.sessions.get(id)?.upload.as_ref()?;
        Some(&upload.name)
    }
}

const _: () = assert!(2 * PIECE <= MOST_TYPED);

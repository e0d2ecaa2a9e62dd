//! The unit behind a link daemon: its settings, its own configuration, its terminal.

use wanbox_wire::pipemon::cisco_hdlc::Ft1Config;
use wanbox_wire::pipemon::code;
use wanbox_wire::pipemon::opcode::chdlc;

use crate::client::{Client, malformed};
use crate::failure::Failure;

/// kbit/s that ask the unit to find its line's settings itself.
const AUTOMATIC: u16 = 0xffff;
/// The code of a test that is not over, or of an octet that was not taken yet.
const BUSY: u8 = 0x08;
const TRY_AGAIN: u8 = 0x07;

/// What the unit found so far.
pub enum Found {
    /// It tries this rate, kbit/s.
    Trying(u16),
    /// These settings.
    Settings(Ft1Config),
}

/// The unit of a device.
pub struct Unit<'c>(pub &'c mut Client);

impl Unit<'_> {
    fn call(&mut self, opcode: u8, data: &[u8]) -> Result<(u8, Vec<u8>), Failure> {
        let answer = self.0.call(opcode, 0, data)?;
        Ok((answer.code, answer.data().to_vec()))
    }

    /// Its settings.
    pub fn read(&mut self) -> Result<Ft1Config, Failure> {
        match self.call(chdlc::READ_FT1_CONFIG, &[])? {
            (code::OK, data) => Ft1Config::decode(&data).map_err(malformed),
            (other, _) => Err(refused(other)),
        }
    }

    /// Gives it settings.
    pub fn set(&mut self, settings: &Ft1Config) -> Result<(), Failure> {
        match self.call(chdlc::SET_FT1_CONFIG, &settings.encode())? {
            (code::OK, _) => Ok(()),
            (other, _) => Err(refused(other)),
        }
    }

    /// Has it find its line's settings.
    pub fn start_search(&mut self) -> Result<(), Failure> {
        self.set(&Ft1Config {
            kbps: AUTOMATIC,
            ..super::record::DEFAULT
        })
    }

    /// How far it is.
    pub fn search(&mut self) -> Result<Found, Failure> {
        match self.call(chdlc::READ_FT1_CONFIG, &[])? {
            (code::OK, data) => Ft1Config::decode(&data)
                .map(Found::Settings)
                .map_err(malformed),
            (BUSY, data) => Ok(Found::Trying(
                Ft1Config::decode(&data).map_or(0, |c| c.kbps),
            )),
            (other, _) => Err(refused(other)),
        }
    }

    /// Types one octet on the unit's terminal. `false`: not taken, try again.
    pub fn type_octet(&mut self, octet: u8) -> Result<bool, Failure> {
        match self.call(chdlc::TX_ASYNC_TO_FT1, &[octet])? {
            (code::OK, _) => Ok(true),
            (TRY_AGAIN, _) => Ok(false),
            (other, _) => Err(refused(other)),
        }
    }

    /// What the unit's terminal shows since the last call.
    pub fn shown(&mut self) -> Result<Vec<u8>, Failure> {
        match self.call(chdlc::RX_ASYNC_FROM_FT1, &[])? {
            (code::OK, data) => Ok(data),
            (TRY_AGAIN, _) => Ok(Vec::new()),
            (other, _) => Err(refused(other)),
        }
    }
}

/// The unit's refusal, in words.
fn refused(code: u8) -> Failure {
    let why = match code {
        0x06 | code::CHDLC_NO_FT1 | code::CHDLC_INVALID_COMMAND | code::INVALID_COMMAND => {
            return Failure::failed("cfgft1: there is no CSU/DSU on this line");
        }
        0x08 => "it is busy, or the rate does not suit the encoding",
        0x0a => "the channel is wrong",
        0x0b => "its buffer is in use",
        0x0d => "it has no line",
        code::NOT_FROM_NETWORK => "not allowed from the far end",
        _ => "",
    };
    Failure::failed(if why.is_empty() {
        format!("cfgft1: the CSU/DSU answers with code 0x{code:02X}")
    } else {
        format!("cfgft1: the CSU/DSU refuses: {why}")
    })
}

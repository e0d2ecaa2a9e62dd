//! The X.25 socket in the device.

use wanbox_runtime::event_loop::{Loop, Readiness};
use wanbox_wanrouter_engine::x25::X25;

use super::X25Api;
use crate::conf::Protocol;
use crate::wanpiped::device::Device;
use crate::wanpiped::link::Link;

/// How often what one step brings is followed up before the next turn.
const STEPS: usize = 4;

impl Device {
    /// Opens the socket of a device that has a packet layer.
    ///
    /// # Errors
    /// What failed and why, for people.
    pub fn open_x25api(&mut self, lp: &mut Loop) -> Result<(), String> {
        let (Protocol::X25(conf), Link::X25(engine)) = (&self.conf.protocol, &mut self.link) else {
            return Ok(());
        };
        if conf.packets.is_none() {
            return Ok(());
        }
        let directory = self.root.x25_dir();
        let api = X25Api::open(lp, &directory, &self.conf.name, conf.routes.clone())?;
        api.want_calls(engine);
        self.x25api = Some(Box::new(api));
        Ok(())
    }

    /// The routes of calls have changed.
    pub fn change_x25_routes(&mut self) {
        let Protocol::X25(conf) = &self.conf.protocol else {
            return;
        };
        let routes = conf.routes.clone();
        if let Some((api, engine)) = self.x25api_and_engine() {
            api.routes = routes;
            api.want_calls(engine);
        }
    }

    fn x25api_and_engine(&mut self) -> Option<(&mut X25Api, &mut X25)> {
        match (&mut self.x25api, &mut self.link) {
            (Some(api), Link::X25(engine)) => Some((api, engine)),
            _ => None,
        }
    }

    /// A connection, or the socket, is ready.
    pub fn x25api_ready(&mut self, lp: &mut Loop, id: u32, readiness: Readiness) {
        if let Some((api, engine)) = self.x25api_and_engine() {
            api.ready(lp, engine, id, readiness);
            self.pump(lp);
        }
    }

    /// A timer of these ran out.
    pub fn x25api_timer(&mut self, lp: &mut Loop, id: u32) {
        if let Some((api, engine)) = self.x25api_and_engine() {
            api.timer(lp, engine, id);
            self.pump(lp);
        }
    }

    /// Applications hear what happened on their circuits. Whether anything did.
    pub fn tell_x25api(&mut self, lp: &mut Loop) -> bool {
        let Some((api, engine)) = self.x25api_and_engine() else {
            return false;
        };
        let mut any = false;
        while let Some(told) = engine.poll_application() {
            any = true;
            api.event(lp, engine, told.event);
        }
        any
    }

    /// The turn ends.
    pub fn follow_x25api(&mut self, lp: &mut Loop) {
        if let Some((api, _)) = self.x25api_and_engine() {
            api.begin_settling();
        }
        for _ in 0..STEPS {
            let Some((api, engine)) = self.x25api_and_engine() else {
                return;
            };
            if !api.settle_all(lp, engine) {
                return;
            }
            self.pump(lp);
        }
        if let Some((api, _)) = self.x25api_and_engine() {
            api.settle_later(lp);
        }
    }
}

//! Who may be at the other end of a PPP link, and what proves us to it.

use std::path::Path;

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::secrets::Secrets as SecretsFile;
use wanbox_link::ppp::auth::{Claim, Credentials, Method, Outcome, PeerSecret, Proof, Verdict};
use wanbox_runtime::files;

use crate::conf::{DeviceConf, PppAuth, PppConf, Protocol};

/// The longest secrets file, octets.
const LIMIT: u64 = 1024 * 1024;

/// Names and secrets of a device.
#[derive(Default)]
pub struct Secrets {
    auth: PppAuth,
    authenticator: bool,
    file: SecretsFile,
}

impl Secrets {
    /// Those that the configuration names.
    ///
    /// # Errors
    /// What is wrong with the file, for people: it cannot be read, others can read it, or lines
    /// of it are wrong.
    pub fn read(conf: &DeviceConf) -> Result<Self, String> {
        let Protocol::Ppp(link) = &conf.protocol else {
            return Ok(Self::default());
        };
        let auth = auth(conf, link).clone();
        let file = match &auth.secrets_file {
            Some(path) => read_file(path)?,
            None => SecretsFile::default(),
        };
        Ok(Self {
            auth,
            authenticator: link.authenticator,
            file,
        })
    }

    /// How the peer may prove who it is, the best way first.
    pub fn demand(&self) -> Vec<Method> {
        if self.authenticator {
            self.methods()
        } else {
            Vec::new()
        }
    }

    /// How we are ready to prove who we are.
    pub fn provide(&self) -> Vec<Method> {
        if self.credentials().is_some() {
            self.methods()
        } else {
            Vec::new()
        }
    }

    fn methods(&self) -> Vec<Method> {
        let ways = [
            (self.auth.ms_chap_v2, Method::MsChapV2),
            (self.auth.chap, Method::ChapMd5),
            (self.auth.pap, Method::Pap),
        ];
        let wanted = ways.into_iter().filter(|(wanted, _)| *wanted);
        wanted.map(|(_, method)| method).collect()
    }

    /// Our name.
    pub fn name(&self) -> &str {
        self.auth.own_name(self.authenticator)
    }

    /// Our name and what proves it; `None`: nothing does.
    pub fn credentials(&self) -> Option<Credentials> {
        let name = self.name();
        let own = self.auth.users.iter().filter(|(user, _)| user == name);
        let mut secrets: Vec<PeerSecret> = own
            .filter(|(_, secret)| !secret.0.is_empty())
            .map(|(_, secret)| PeerSecret {
                authenticator: None,
                secret: secret.0.as_bytes().into(),
            })
            .collect();
        // Lines for a server before those for any: the first that fits is taken.
        for entry in self.file.of_client(name.as_bytes()) {
            secrets.push(PeerSecret {
                authenticator: entry.server().map(Into::into),
                secret: entry.secret().into(),
            });
        }
        (!secrets.is_empty()).then(|| Credentials {
            name: name.as_bytes().into(),
            secrets,
        })
    }

    /// What is thought of a claim.
    pub fn judge(&self, claim: &Claim) -> Verdict {
        let name = match claim.proof {
            Proof::MsChapV2 { .. } => claim.user(),
            _ => &claim.name,
        };
        let listed = self
            .auth
            .users
            .iter()
            .find(|(user, secret)| user.as_bytes() == name && !secret.0.is_empty());
        if let Some((_, secret)) = listed {
            return claim.verify(secret.0.as_bytes());
        }
        match self.file.find(name, self.auth.system_name.as_bytes()) {
            Some(entry) => claim.verify(entry.secret()),
            None => Verdict::plain(Outcome::UnknownPeer),
        }
    }
}

/// The authentication of a device: its interface's, or its own where it has none.
fn auth<'c>(conf: &'c DeviceConf, link: &'c PppConf) -> &'c PppAuth {
    match conf.interfaces.first().map(|interface| &interface.channel) {
        Some(crate::conf::Channel::Ppp(channel)) => &channel.auth,
        _ => &link.auth,
    }
}

fn read_file(path: &Path) -> Result<SecretsFile, String> {
    let text = files::read_secret(path, LIMIT).map_err(|error| error.to_string())?;
    let mut diagnostics = Diagnostics::new(path.display().to_string());
    let secrets = SecretsFile::parse(&text, &mut diagnostics);
    for diagnostic in diagnostics.iter() {
        log::warn!("{diagnostic}");
    }
    if diagnostics.has_errors() {
        return Err(diagnostics.to_string());
    }
    Ok(secrets)
}

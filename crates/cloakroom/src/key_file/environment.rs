//! Keys that a process is started with: a variable, or a credential of systemd.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::guard::{self, Holder};
use super::parse;
use crate::keyring::{KeyRing, Keys};
use crate::{Error, ErrorKind};

/// Holds the text of a key file, on one line. Named after the program, as its other settings will be.
const VARIABLE: &str = "CLOAKROOM_KEYS";

/// Where systemd puts the credentials of a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The credential's name: `LoadCredential=cloakroom-keys:/etc/shop/keys`. A service may have others beside it.
const CREDENTIAL: &str = "cloakroom-keys";

impl KeyRing {
    /// The keys this process was started with, if it was started with some.
    ///
    /// In the variable `CLOAKROOM_KEYS`, where semicolons do for the ends of the key file's lines; or in the systemd
    /// credential `cloakroom-keys`. Neither changes while a process runs: to exchange keys, restart one node after the
    /// other at each step, or use a [`KeyFile`](crate::KeyFile). A variable is for where there is nothing else: child
    /// processes inherit it, and it shows in more places than a file does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when there are both, when they are no keys, or when the credential is for others to read;
    /// [`ErrorKind::Unavailable`] when it cannot be read.
    pub fn from_env() -> Result<Option<Self>, Error> {
        Ok(keys(|name| env::var_os(name))?.map(Self::from))
    }
}

fn keys(variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<Keys>, Error> {
    let text = variable(VARIABLE);
    let credential = variable(CREDENTIALS)
        .map(|directory| PathBuf::from(directory).join(CREDENTIAL))
        .filter(|path| path.symlink_metadata().is_ok());
    match (text, credential) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(invalid(format!(
            "there are keys in {VARIABLE} and in the credential {CREDENTIAL}: take one of them away"
        ))),
        (Some(text), None) => {
            let text = text.into_string().map(Zeroizing::new);
            let text = text.map_err(|_| invalid(format!("{VARIABLE} is not text")))?;
            let keys = Keys::parse(&text);
            keys.map(Some)
                .map_err(|error| invalid(format!("could not use the keys in {VARIABLE}: {error}")))
        }
        (None, Some(path)) => {
            let file = guard::open(&path, Holder::Systemd)?;
            parse(&path, file).map(Some)
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use cloakroom_store::Timestamp;

    use super::*;
    use crate::ServerKey;

    #[test]
    fn keys_come_from_a_variable_or_a_credential_and_not_from_both() {
        let keys_of = |variables: &[(&str, &str)]| {
            let variable = |name: &str| variables.iter().find(|(known, _)| *known == name);
            keys(|name| variable(name).map(|(_, value)| OsString::from(value)))
        };
        let there = Keys::new(ServerKey::generate().unwrap(), Timestamp::default());
        let text = there.to_text();
        let line = text.trim_ascii().replace('\n', ";");
        let directory = tempfile::tempdir().unwrap();
        let credentials = directory.path().to_str().unwrap();

        assert_eq!(keys_of(&[]).unwrap(), None);
        assert_eq!(keys_of(&[(VARIABLE, &line)]).unwrap().as_ref(), Some(&there));
        assert_eq!(
            keys_of(&[(CREDENTIALS, credentials)]).unwrap(),
            None,
            "others are there"
        );
        let error = keys_of(&[(VARIABLE, "secret")]).unwrap_err().to_string();
        assert!(error.contains(VARIABLE) && !error.contains("secret"), "{error}");

        let credential = directory.path().join(CREDENTIAL);
        fs::write(&credential, &*text).unwrap();
        let with_mode = |mode| {
            fs::set_permissions(&credential, Permissions::from_mode(mode)).unwrap();
            keys_of(&[(CREDENTIALS, credentials)])
        };
        for mode in [0o400, 0o440, 0o600] {
            assert_eq!(with_mode(mode).unwrap().as_ref(), Some(&there), "{mode:o}");
        }
        for mode in [0o444, 0o460, 0o604] {
            assert!(
                with_mode(mode).unwrap_err().to_string().contains("chmod"),
                "{mode:o}"
            );
        }
        let error = keys_of(&[(VARIABLE, &line), (CREDENTIALS, credentials)]).unwrap_err();
        assert!(error.to_string().contains("take one of them away"), "{error}");
    }
}

//! `login`, `logout`, `whoami`.

use std::path::PathBuf;

use serde_json::json;

use super::failure::Failure;
use super::output::{Output, or_dash};
use super::profile::{Profile, Remembered, refused_by_system};
use crate::client::{BearerSecret, Client, GatewayUrl};
use crate::model::person::{TERMS, TERMS_VERSION};
use crate::wire::Enrolment;

/// Enrol at a gateway with a code, which works once. The terms of use are shown and accepted with it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The gateway's address: https://HOST, or http://127.0.0.1:PORT on this machine.
    url: String,
    /// The code you were given.
    #[arg(long)]
    code: String,
    /// A certificate authority (PEM) to trust beside the machine's own.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

pub(super) async fn login(args: Args, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let gateway: GatewayUrl = args.url.parse()?;
    let authority = match args.cacert {
        Some(path) => Some(
            std::fs::canonicalize(&path)
                .map_err(|error| refused_by_system("read", &path, &error))?,
        ),
        None => None,
    };
    let client = Client::new(gateway, None, authority.as_deref())?;
    let recipient = profile.recipient()?;
    let enrolment = Enrolment {
        code: args.code,
        recipient: Some(recipient.clone()),
        terms: Some(TERMS_VERSION),
    };
    out.remark(&format!(
        "By logging in you accept the terms of use, version {TERMS_VERSION}:\n\n{TERMS}\n"
    ));
    let enrolled = client.enrol(&enrolment).await?;
    let remembered = Remembered {
        gateway: client.gateway().to_string(),
        person: enrolled.id,
        expires: enrolled.expires,
        authority,
    };
    profile.remember(&remembered, &BearerSecret::new(enrolled.token))?;
    let identity = profile.identity_path();
    let answer = json!({
        "id": enrolled.id,
        "role": enrolled.role,
        "gateway": remembered.gateway,
        "expires": enrolled.expires,
        "identity": identity.to_string_lossy(),
        "recipient": recipient,
    });
    out.answer(&answer, || {
        format!(
            "You are {} at {}, as {}, until {}.\nSealed copies are addressed to {recipient};\nthe identity that opens them is {}: keep it to yourself.",
            enrolled.id,
            remembered.gateway,
            enrolled.role,
            enrolled.expires,
            identity.display()
        )
    });
    Ok(())
}

pub(super) async fn logout(profile: &Profile, out: &Output) -> Result<(), Failure> {
    let left = profile.client().await?.leave().await;
    profile.forget_token()?;
    left?;
    out.answer(&json!({ "done": true }), || {
        "The token works no more; ask for a new code to come back.".to_owned()
    });
    Ok(())
}

pub(super) async fn whoami(profile: &Profile, out: &Output) -> Result<(), Failure> {
    let me = profile.client().await?.me().await?;
    out.answer(&me, || {
        let mut lines = vec![format!(
            "You are {} ({}), as {}, until {}.",
            me.person.name, me.person.id, me.person.role, me.token_expires
        )];
        for place in &me.studies {
            lines.push(format!(
                "In {} you are {} until {}.",
                place.study,
                place.role,
                or_dash(place.until)
            ));
        }
        lines.join("\n")
    });
    Ok(())
}

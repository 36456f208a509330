//! Looks at a fleet again and again, for whoever shows it: who is there, and what waits in the queue. It takes no call and
//! answers nothing.

use std::sync::Arc;

use async_nats::connection::State;
use futures::StreamExt;
use tokio::task::JoinSet;

use crate::{
    Access, Bus, FleetError, Queue, Role, ask_who, bus,
    roster::{self, ANSWER_WITHIN, Roster},
    wire::{Hello, Version},
};

/// A connection that hears who is there.
pub struct Watch {
    bus: Bus,
    /// The server's address, as it may be shown.
    server: String,
    roster: Arc<Roster>,
    /// What listens to the bus. It ends with the watch.
    _listening: JoinSet<()>,
}

/// How a fleet stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The workers that were heard of in the last seconds, by name.
    pub workers: Vec<Hello>,
    /// What waits for the workers of this version.
    pub queue: Queue,
}

impl Watch {
    /// Connects, and hears who is there.
    pub async fn begin(access: &Access) -> Result<Self, FleetError> {
        let bus = Bus::open(access, Role::Coordinator).await?;
        let hellos = bus.client.subscribe(bus::HELLO).await;
        let mut hellos = hellos.map_err(|error| FleetError::Server {
            does: "takes no subscription",
            problem: error.to_string(),
        })?;
        let roster = Arc::new(Roster::default());
        for hello in ask_who(&bus, ANSWER_WITHIN).await? {
            roster.note(hello);
        }
        let mut listening = JoinSet::new();
        let heard = roster.clone();
        listening.spawn(async move {
            while let Some(message) = hellos.next().await {
                if let Some(hello) = roster::heard(&message.payload) {
                    heard.note(hello);
                }
            }
        });
        Ok(Self { bus, server: access.shown(), roster, _listening: listening })
    }

    /// How the fleet stands now. Fails as long as the server is away.
    pub async fn look(&self) -> Result<Look, FleetError> {
        if self.bus.client.connection_state() != State::Connected {
            return Err(FleetError::Unreachable { url: self.server.clone(), problem: "it is away".into() });
        }
        Ok(Look { queue: self.bus.queue(&Version::own()).await?, workers: self.roster.present() })
    }
}

//! A command that runs below its keeper.

use std::{
    ffi::OsString,
    io::{self, PipeWriter, Write},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    process::Command,
    sync::{oneshot, watch},
    time::timeout,
};

use super::{keeper, printed::Printed};

/// How long the keeper may need to kill everything below it.
const PATIENCE: Duration = Duration::from_secs(12);

/// A command that was started.
pub struct Running {
    /// The keeper kills everything when this is closed.
    lifeline: Mutex<Option<PipeWriter>>,
    /// How it ended, once it has.
    ended: watch::Receiver<Option<String>>,
    printed: Mutex<Option<oneshot::Receiver<String>>>,
}

impl Running {
    /// Starts the keeper, which is `program`, of a command in this folder and with this environment. The command itself starts
    /// with [`Self::go`]. From here on the keeper removes the folder, whatever happens to this process.
    pub fn prepare(
        program: &Path,
        folder: &Path,
        words: &[OsString],
        environment: &[(OsString, OsString)],
    ) -> io::Result<Self> {
        let (log, of_command) = io::pipe()?;
        let (of_keeper, lifeline) = io::pipe()?;
        let mut command = Command::new(program);
        command
            .arg(keeper::COMMAND)
            .arg(program)
            .arg(folder)
            .args(words)
            .current_dir(folder)
            .process_group(0);
        command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(of_keeper).stdout(of_command.try_clone()?).stderr(of_command);
        let mut child = command.spawn()?;
        // Otherwise its copies of the pipes' ends would keep them open.
        drop(command);
        let (sender, ended) = watch::channel(None);
        tokio::spawn(async move {
            let how = match child.wait().await {
                Ok(status) => match status.code() {
                    Some(code) => format!("exit code {code}"),
                    None => "a signal".to_owned(),
                },
                Err(error) => error.to_string(),
            };
            sender.send_replace(Some(how));
        });
        let (text, printed) = oneshot::channel();
        // Reading ends when nobody can write any more, and must not keep a worker of the runtime until then.
        std::thread::spawn(move || {
            let _ = text.send(Printed::read(log).text());
        });
        Ok(Self { lifeline: Mutex::new(Some(lifeline)), ended, printed: Mutex::new(Some(printed)) })
    }

    /// Lets the command start. If its keeper has ended already, [`Self::ended`] says so.
    pub fn go(&self) {
        let mut lifeline = self.lifeline.lock().unwrap_or_else(PoisonError::into_inner);
        // One byte finds room in the pipe at once.
        let _ = lifeline.as_mut().map(|it| it.write_all(&[keeper::GO]));
    }

    /// Waits until it has ended, and says how.
    pub async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        let found = ended.wait_for(Option::is_some).await;
        found.ok().and_then(|how| how.clone()).unwrap_or_default()
    }

    /// Kills it with everything that it has started.
    pub fn kill(&self) {
        drop(self.lifeline.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Lets it end on its own for a while, kills it, and returns what it printed.
    pub async fn end_within(&self, grace: Duration) -> String {
        let _ = timeout(grace, self.ended()).await;
        self.kill();
        let _ = timeout(PATIENCE, self.ended()).await;
        let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner).take();
        match printed {
            // A process that cannot be killed keeps the log open.
            Some(printed) => timeout(PATIENCE, printed).await.ok().and_then(Result::ok).unwrap_or_default(),
            None => String::new(),
        }
    }
}

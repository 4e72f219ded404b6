use clap::{Args as ClapArgs, ValueEnum};
use domain::{Switch, Text, Via};
use orchestrator::Clock as _;
use store::SwitchChange;
use strum::VariantArray as _;

use super::care::refuse_cards;
use super::operator::{KeyArg, Operator};
use super::{CommandError, Ending, Output, connect, table};
use crate::clock::SystemClock;
use crate::http::SwitchView;
use crate::settings::Settings;

/// `api switch`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    key: KeyArg,
    /// new-payments, withdrawals or polling; without one they are listed.
    #[arg(requires = "turn")]
    name: Option<Switch>,
    /// Which way.
    #[arg(value_enum, requires = "reason")]
    turn: Option<Turn>,
    /// Why, in your own words.
    #[arg(long)]
    reason: Option<Text<500>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Turn {
    /// Nothing of it from now on.
    Stop,
    /// As before.
    Go,
}

/// Stops something by hand, or lets it go again. Every process that serves knows it within two seconds.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let database = connect(settings).await?;
    let operator = Operator::of(&args.key, &database).await?;
    if let (Some(switch), Some(turn), Some(reason)) = (args.name, args.turn, &args.reason) {
        if !operator.sees_all() {
            return Err(CommandError::Usage("a switch is for all shops, and the key is bound to some".to_owned()));
        }
        refuse_cards([Some(reason.as_str())])?;
        let latest = database.switches.switches().await?.into_iter().find(|change| change.switch == switch);
        let change = SwitchChange {
            switch,
            sequence: latest.map_or(0, |latest| latest.sequence) + 1,
            stopped: turn == Turn::Stop,
            at: SystemClock.now(),
            by: operator.actor(),
            via: Via::CommandLine,
            reason: reason.as_str().to_owned(),
        };
        if !database.switches.turn_switch(&change).await? {
            output.error("somebody else has turned it meanwhile; look again");
            return Ok(Ending::Found);
        }
    }
    let turned = database.switches.switches().await?;
    let views: Vec<SwitchView> = Switch::VARIANTS
        .iter()
        .map(|switch| SwitchView::of(*switch, turned.iter().find(|change| change.switch == *switch)))
        .collect();
    output.write(&views, |views| table(["Switch", "State", "Since", "By", "Why"], views.iter().map(row)))?;
    Ok(if views.iter().any(|view| view.stopped) { Ending::Found } else { Ending::Fine })
}

fn row(view: &SwitchView) -> [String; 5] {
    let state = if view.stopped { "STOPPED" } else { "goes" };
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    [view.name.to_string(), state.to_owned(), said(&view.at), said(&view.by), said(&view.reason)]
}

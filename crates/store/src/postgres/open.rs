use super::PostgresStore;
use super::batch::Unit;
use super::commit::{Fate, partly, record};
use crate::flaw::flaw_of_birth;
use crate::{Birth, Name, Opened, StoreError};

impl PostgresStore {
    /// One statement if no reference is taken. Those that are, are read in a second one: the first one's snapshot may
    /// not show what it lost against.
    pub(super) async fn open_all(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        let mut answers: Vec<Option<Opened>> =
            births.iter().map(|birth| flaw_of_birth(birth).map(|flaw| Opened::Poison(flaw.to_owned()))).collect();
        let sound: Vec<usize> = (0..births.len()).filter(|index| answers[*index].is_none()).collect();
        let units: Vec<Unit<'_>> = sound.iter().map(|index| Unit::Birth(&births[*index])).collect();
        let fates = record(&self.pools.requests, &units).await?;

        let mut losers = Vec::new();
        for (index, fate) in sound.into_iter().zip(fates) {
            match fate {
                Fate::Won => answers[index] = Some(Opened::New),
                Fate::Poison(rule) => answers[index] = Some(Opened::Poison(rule)),
                Fate::Taken | Fate::Lost | Fate::Claimed => losers.push(index),
            }
        }
        let references: Vec<Name> = losers.iter().map(|index| reference(&births[*index])).collect();
        let there = self.load_all(&references).await.map_err(|error| after(&answers, error))?;
        for (index, there) in losers.into_iter().zip(there) {
            answers[index] = Some(match there {
                Some(there) => Opened::Existing(Box::new(there)),
                None => self.open_alone(&births[index]).await.map_err(|error| after(&answers, error))?,
            });
        }
        let unanswered = || Opened::Poison("the database did not say what came of it".to_owned());
        Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect())
    }

    /// Opens what lost its turn to a birth of the same id, with another reference, that came to nothing.
    async fn open_alone(&self, birth: &Birth) -> Result<Opened, StoreError> {
        let fate = record(&self.pools.requests, &[Unit::Birth(birth)]).await?.pop();
        Ok(match fate {
            Some(Fate::Won) => Opened::New,
            Some(Fate::Poison(rule)) => Opened::Poison(rule),
            Some(Fate::Taken | Fate::Lost | Fate::Claimed) | None => {
                Opened::Poison("the id belongs to a payment with another reference".to_owned())
            }
        })
    }
}

/// An error that comes when some are open already.
fn after(answers: &[Option<Opened>], error: StoreError) -> StoreError {
    if answers.contains(&Some(Opened::New)) { partly(error) } else { error }
}

fn reference(birth: &Birth) -> Name {
    let opening = &birth.payment.opening;
    Name::Reference(opening.shop.clone(), opening.reference_id.clone())
}

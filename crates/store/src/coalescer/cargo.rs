use async_trait::async_trait;
use domain::ShopName;

use crate::{Birth, Name, Notice, Opened, Outcome, Received, Store, StoreError, Write};

/// What a lane carries: one of the three kinds of items that the store takes in batches.
#[async_trait]
pub(super) trait Cargo: Sized + Send + Sync + 'static {
    /// What comes back for each.
    type Answer: Send;
    /// Of what a batch holds at most one change.
    type Key: Ord + Clone + Send + Unpin;

    /// What this changes.
    fn keys(&self) -> Vec<Self::Key>;

    /// One batch; answers in the order of its items.
    async fn deliver(store: &dyn Store, batch: &[Self]) -> Result<Vec<Self::Answer>, StoreError>;
}

#[async_trait]
impl Cargo for Birth {
    type Answer = Opened;
    type Key = Name;

    fn keys(&self) -> Vec<Name> {
        names_of_birth(self).to_vec()
    }

    async fn deliver(store: &dyn Store, batch: &[Self]) -> Result<Vec<Opened>, StoreError> {
        store.open(batch).await
    }
}

#[async_trait]
impl Cargo for Write {
    type Answer = Outcome;
    type Key = Name;

    fn keys(&self) -> Vec<Name> {
        let moved = self.moves.iter().flat_map(|moved| {
            let shop = &moved.payment.opening.shop;
            let claim = moved.claim.clone().map(|id| Name::Gateway(shop.clone(), id));
            claim.into_iter().chain([Name::Id(moved.payment.id())])
        });
        moved.chain(self.birth.iter().flat_map(names_of_birth)).collect()
    }

    async fn deliver(store: &dyn Store, batch: &[Self]) -> Result<Vec<Outcome>, StoreError> {
        store.commit(batch).await
    }
}

#[async_trait]
impl Cargo for Notice {
    type Answer = Received;
    type Key = (ShopName, Vec<u8>);

    fn keys(&self) -> Vec<(ShopName, Vec<u8>)> {
        vec![(self.shop.clone(), self.digest.clone())]
    }

    async fn deliver(store: &dyn Store, batch: &[Self]) -> Result<Vec<Received>, StoreError> {
        store.receive(batch).await
    }
}

fn names_of_birth(birth: &Birth) -> [Name; 2] {
    let opening = &birth.payment.opening;
    [Name::Id(opening.id), Name::Reference(opening.shop.clone(), opening.reference_id.clone())]
}

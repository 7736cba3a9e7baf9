//! `concierge:booking/administration`, answered by the domain crate in this process.

use super::convert::catalogue as convert;
use super::to_the_end;
use crate::joins::Services;
use crate::joins::bindings::booking::administration::{
    Allotment, Caller, Error, Hotel, Rate, RatePlan, RoomType, Webhook,
};
use concierge_booking::types::WebhookView;

pub(in crate::joins) async fn put_hotel(
    services: &Services,
    caller: Caller,
    hotel: Hotel,
) -> Result<(), Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let hotel = hotel.try_into()?;
    Ok(to_the_end(async move { booking.put_hotel(&caller, hotel).await }).await?)
}

pub(in crate::joins) async fn put_room_type(
    services: &Services,
    caller: Caller,
    hotel: String,
    room_type: RoomType,
) -> Result<(), Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let room_type = room_type.try_into()?;
    Ok(to_the_end(async move { booking.put_room_type(&caller, &hotel, room_type).await }).await?)
}

pub(in crate::joins) async fn put_rate_plan(
    services: &Services,
    caller: Caller,
    hotel: String,
    rate_plan: RatePlan,
) -> Result<(), Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let rate_plan = rate_plan.try_into()?;
    Ok(to_the_end(async move { booking.put_rate_plan(&caller, &hotel, rate_plan).await }).await?)
}

pub(in crate::joins) async fn set_rates(
    services: &Services,
    caller: Caller,
    hotel: String,
    rates: Vec<Rate>,
) -> Result<(), Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let rates = convert::rates(rates)?;
    Ok(to_the_end(async move { booking.set_rates(&caller, &hotel, rates).await }).await?)
}

pub(in crate::joins) async fn set_allotments(
    services: &Services,
    caller: Caller,
    hotel: String,
    allotments: Vec<Allotment>,
) -> Result<(), Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let allotments = convert::allotments(allotments)?;
    Ok(
        to_the_end(async move { booking.set_allotments(&caller, &hotel, allotments).await })
            .await?,
    )
}

pub(in crate::joins) async fn set_staff(
    services: &Services,
    caller: Caller,
    hotel: String,
    accounts: Vec<String>,
) -> Result<(), Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    Ok(to_the_end(async move { booking.set_staff(&caller, &hotel, &accounts).await }).await?)
}

pub(in crate::joins) async fn get_staff(
    services: &Services,
    caller: Caller,
    hotel: String,
) -> Result<Vec<String>, Error> {
    let caller = services.booking_caller(caller)?;
    let staff = services.booking()?.get_staff(&caller, &hotel).await?;
    Ok(staff.iter().map(ToString::to_string).collect())
}

pub(in crate::joins) async fn create_webhook(
    services: &Services,
    caller: Caller,
    hotel: String,
    url: String,
) -> Result<Webhook, Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    let made = to_the_end(async move { booking.create_webhook(&caller, &hotel, &url).await });
    Ok(made.await?.into())
}

pub(in crate::joins) async fn list_webhooks(
    services: &Services,
    caller: Caller,
    hotel: String,
) -> Result<Vec<Webhook>, Error> {
    let caller = services.booking_caller(caller)?;
    let webhooks = services.booking()?.list_webhooks(&caller, &hotel).await?;
    Ok(webhooks.into_iter().map(Into::into).collect())
}

pub(in crate::joins) async fn delete_webhook(
    services: &Services,
    caller: Caller,
    hotel: String,
    id: String,
) -> Result<(), Error> {
    let (booking, caller) = (services.booking()?, services.booking_caller(caller)?);
    Ok(to_the_end(async move { booking.delete_webhook(&caller, &hotel, &id).await }).await?)
}

impl From<WebhookView> for Webhook {
    fn from(webhook: WebhookView) -> Self {
        Self {
            id: webhook.id.to_string(),
            url: webhook.url,
            secret: webhook.secret,
            last_failure: webhook.last_failure,
        }
    }
}

//! The bytes of records that people look at, payments in no window and rejects, and of rules that they were
//! read by.

use std::collections::BTreeMap;

use tidegauge_windows::EventTime;

use super::StoredValue;
use crate::core::effect::{
    FirstPayment, NoWindowReason, PaymentInNoWindow, RejectedRecord, RepeatedPayment,
};
use crate::decode::Reason;
use crate::domain::amount::Amount;
use crate::domain::document_key::Origin;
use crate::domain::payment::BranchId;
use crate::domain::provenance::FormerRules;
use crate::store::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};

impl StoredValue for Vec<FormerRules> {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.len() as u64);
        for former in self {
            encoder.text(&former.rules);
            encoder.u64(former.positions.len() as u64);
            for (partition, position) in &former.positions {
                encoder.i32(*partition);
                encoder.i64(*position);
            }
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let len = decoder.len()?;
        let former = (0..len).map(|_| {
            let rules = decoder.text()?;
            let len = decoder.len()?;
            let positions = (0..len).map(|_| Ok((decoder.i32()?, decoder.i64()?)));
            let positions: BTreeMap<i32, i64> = positions.collect::<DecodeResult<_>>()?;
            // Each partition once.
            if positions.len() != len {
                return Err(Malformed);
            }
            Ok(FormerRules { rules, positions })
        });
        former.collect()
    }
}

impl StoredValue for PaymentInNoWindow {
    fn write(&self, encoder: &mut ByteEncoder) {
        self.origin.write(encoder);
        encoder.option(self.timestamp, ByteEncoder::i64);
        // Names, which are public and stay, rather than numbers of a list that may be reordered.
        encoder.text(self.reason.as_str());
        self.event_time.write(encoder);
        self.watermark.write(encoder);
        self.branch.write(encoder);
        encoder.i128(self.amount.units());
        encoder.text(&self.read);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            origin: Origin::read(decoder)?,
            timestamp: decoder.option(ByteDecoder::i64)?,
            reason: {
                let name = decoder.text()?;
                NoWindowReason::ALL
                    .into_iter()
                    .find(|reason| reason.as_str() == name)
                    .ok_or(Malformed)?
            },
            event_time: EventTime::read(decoder)?,
            watermark: Option::read(decoder)?,
            branch: BranchId::read(decoder)?,
            amount: Amount::from_units(decoder.i128()?),
            read: decoder.text()?,
        })
    }
}

impl StoredValue for RejectedRecord {
    fn write(&self, encoder: &mut ByteEncoder) {
        self.origin.write(encoder);
        encoder.option(self.timestamp, ByteEncoder::i64);
        encoder.text(self.reason.as_str());
        encoder.text(&self.detail);
        encoder.text(&self.read);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            origin: Origin::read(decoder)?,
            timestamp: decoder.option(ByteDecoder::i64)?,
            reason: {
                let name = decoder.text()?;
                Reason::ALL
                    .into_iter()
                    .find(|reason| reason.as_str() == name)
                    .ok_or(Malformed)?
            },
            detail: decoder.text()?,
            read: decoder.text()?,
        })
    }
}

/// Some payments that repeat others: those with the numbers from `first` on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct RepeatedGroup {
    pub(in crate::store) first: u64,
    pub(in crate::store) payments: Vec<RepeatedPayment>,
}

impl StoredValue for RepeatedGroup {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.first);
        encoder.u64(self.payments.len() as u64);
        self.payments
            .iter()
            .for_each(|payment| payment.write(encoder));
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let first = decoder.u64()?;
        let len = decoder.len()?;
        let payments = (0..len).map(|_| RepeatedPayment::read(decoder));
        Ok(Self {
            first,
            payments: payments.collect::<DecodeResult<_>>()?,
        })
    }
}

impl StoredValue for RepeatedPayment {
    fn write(&self, encoder: &mut ByteEncoder) {
        self.origin.write(encoder);
        encoder.option(self.timestamp, ByteEncoder::i64);
        self.event_time.write(encoder);
        self.branch.write(encoder);
        encoder.i128(self.amount.units());
        encoder.i64(self.first.offset);
        self.first.branch.write(encoder);
        encoder.i128(self.first.amount.units());
        encoder.text(&self.read);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            origin: Origin::read(decoder)?,
            timestamp: decoder.option(ByteDecoder::i64)?,
            event_time: EventTime::read(decoder)?,
            branch: BranchId::read(decoder)?,
            amount: Amount::from_units(decoder.i128()?),
            first: FirstPayment {
                offset: decoder.i64()?,
                branch: BranchId::read(decoder)?,
                amount: Amount::from_units(decoder.i128()?),
            },
            read: decoder.text()?,
        })
    }
}

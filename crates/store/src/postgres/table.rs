/// A table of parameters for a statement, as one array a column. Rows are pushed whole, so the arrays cannot differ in
/// length: `unnest` would fill the shorter ones with nulls and say nothing. Columns stand in the order of the
/// statement's parameters.
macro_rules! table {
    ($row:ident in $table:ident { $($column:ident: $kind:ty,)+ }) => {
        struct $row {
            $($column: $kind,)+
        }

        #[derive(Default)]
        struct $table {
            $($column: Vec<$kind>,)+
        }

        impl $table {
            fn push(&mut self, row: $row) {
                $(self.$column.push(row.$column);)+
            }

            fn bind<'q>(
                &'q self,
                statement: $crate::postgres::statement::Bound<'q>,
            ) -> $crate::postgres::statement::Bound<'q> {
                statement$(.bind(&self.$column))+
            }
        }
    };
}

pub(super) use table;

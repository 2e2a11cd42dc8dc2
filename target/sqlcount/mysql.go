package sqlcount

import (
	"context"
	"database/sql"
	"errors"

	"github.com/go-sql-driver/mysql"
)

type mySQL struct {
	dsn    string
	config *mysql.Config
}

func newMySQL(dsn string) (*mySQL, error) {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		// The parser's error may quote the DSN.
		return nil, errors.New("it is no DSN of MySQL; write one such as user:password@tcp(127.0.0.1:3306)/database")
	}
	// One statement, whose values go beside it and not into it, and no file of this machine to the server.
	config.MultiStatements, config.InterpolateParams, config.AllowAllFiles = false, false, false
	config.Logger = &mysql.NopLogger{}
	return &mySQL{dsn, config}, nil
}

func (m *mySQL) open() (*sql.DB, error) {
	connector, err := mysql.NewConnector(m.config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (m *mySQL) there() error { return nil }

func (m *mySQL) seal(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY")
	return err
}

// unknownVariable is the server's error number for a system variable that it does not have.
const unknownVariable = 1193

// sealed asks for the variable under both of its names: MariaDB before 11.1 has the older one alone, MySQL 8 the newer.
func (m *mySQL) sealed(ctx context.Context, tx *sql.Tx) (bool, error) {
	var set bool
	err := tx.QueryRowContext(ctx, "SELECT @@session.transaction_read_only").Scan(&set)
	if unknown, ok := errors.AsType[*mysql.MySQLError](err); ok && unknown.Number == unknownVariable {
		err = tx.QueryRowContext(ctx, "SELECT @@session.tx_read_only").Scan(&set)
	}
	return set, err
}

func (m *mySQL) secrets() []string { return present(m.dsn, m.config.Passwd) }

func (m *mySQL) place() string { return m.config.Addr + "/" + m.config.DBName }

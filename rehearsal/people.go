package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"bangfu/models"
)

// people are the officials who are played: the district's own users as far as it has any, and played ones for the rest.
type people struct {
	starter    caller // 管理员: starts the years, hands over, orders the certification
	chief      caller // 管理员: confirms the comparison and decides cases; does not settle objections to what was decided
	settler    caller // 管理员: settles objections
	window     caller // 区市场监管局窗口: hands out operators' codes, and therefore neither recommends nor decides
	city       caller // 市级审核人员
	reviewers  []caller
	department map[string]caller // by code

	mu        sync.Mutex
	operators map[string]caller // by USCC: sessions that are open
}

// gather finds or adds the people and gives each a token.
func (i *installation) gather(ctx context.Context) (*people, error) {
	p := &people{department: map[string]caller{}, operators: map[string]caller{}}
	admins, err := i.officials(ctx, models.RoleAdmin, "", 3, "演练管理员")
	if err != nil {
		return nil, err
	}
	bureau, err := i.officials(ctx, models.RoleDepartment, models.BureauCode, 5, "演练审核员")
	if err != nil {
		return nil, err
	}
	cities, err := i.officials(ctx, models.RoleCity, "", 1, "演练市级审核员")
	if err != nil {
		return nil, err
	}
	p.starter, p.chief, p.settler, p.city = admins[0], admins[1], admins[2], cities[0]
	p.window, p.reviewers = bureau[0], bureau[1:]
	departments, err := i.store.Departments(ctx, i.rules.District)
	if err != nil {
		return nil, err
	}
	for _, d := range departments {
		officers, err := i.officials(ctx, models.RoleDepartment, d.Code, 1, "演练"+d.Name+"工作人员")
		if err != nil {
			return nil, err
		}
		p.department[d.Code] = officers[0]
	}
	p.department[models.BureauCode] = p.reviewers[len(p.reviewers)-1] // the window has handed out codes, and decides nothing
	return p, nil
}

// officials gives at least so many people of a role and department, each with a token.
func (i *installation) officials(ctx context.Context, role models.Role, department string, least int, name string) ([]caller, error) {
	var users []models.User
	for after := int64(0); ; {
		list, err := i.store.Users(ctx, i.rules.District, after, 500)
		if err != nil {
			return nil, err
		}
		for _, u := range list {
			after = u.ID
			if u.Role == role && u.Department == department && !u.Disabled {
				users = append(users, u)
			}
		}
		if len(list) < 500 {
			break
		}
	}
	for n := len(users) + 1; n <= least; n++ {
		u, err := i.store.AddUser(ctx, models.ActorSystem, models.User{Email: fmt.Sprintf("%s%s%d@rehearsal.invalid", role, department, n), Name: fmt.Sprintf("%s%d", name, n),
			Role: role, District: i.rules.District, Department: department}, "")
		if err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	callers := make([]caller, len(users))
	for n, u := range users {
		secret, _, err := i.store.CreateToken(ctx, models.ActorSystem, u.ID, "演练", 24*time.Hour)
		if err != nil {
			return nil, err
		}
		callers[n] = caller{handler: i.server.Handler(), token: secret, id: u.ID, address: "127.0.0.1"}
	}
	return callers, nil
}

// operator gives a household's operator, who signs in with a code from the window the first time.
func (g *play) operator(ctx context.Context, uscc string) (caller, error) {
	g.people.mu.Lock()
	c, ok := g.people.operators[uscc]
	g.people.mu.Unlock()
	if ok {
		return c, nil
	}
	c = caller{handler: g.server.Handler(), address: fmt.Sprintf("10.%d.%d.%d", g.rules.die(250, "a", uscc), g.rules.die(250, "b", uscc), 1+g.rules.die(250, "c", uscc))}
	var code struct{ Code string }
	if err := g.people.window.post(ctx, "/api/v1/households/"+uscc+"/access-codes", object{"reason": "窗口核对证件后申领"}, &code); err != nil {
		return c, err
	}
	var session struct{ Token string }
	if err := c.call(ctx, http.MethodPost, "/public/v1/access/sessions", object{"secret": code.Code, "uscc": uscc}, &session); err != nil {
		return c, err
	}
	c.token = session.Token
	g.people.mu.Lock()
	defer g.people.mu.Unlock()
	g.people.operators[uscc] = c
	return c, nil
}

// forget ends what is known of an operator's session: it may have run out.
func (g *play) forget(uscc string) {
	g.people.mu.Lock()
	defer g.people.mu.Unlock()
	delete(g.people.operators, uscc)
}

// anybody is somebody who does not sign in, of whom it is only known whence they come.
func (g *play) anybody(about string) caller {
	return caller{handler: g.server.Handler(), address: fmt.Sprintf("10.%d.%d.%d", g.rules.die(250, "x", about), g.rules.die(250, "y", about), 1+g.rules.die(250, "z", about))}
}
